import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** Kafka Streams at the common work of the peers; arguments: name=value, the fields of a job. */
public final class ClaimTotals {
  private static final int HEADER_BYTES = 5;
  private static final byte[] FRAME = {0, 0, 0, 3, (byte) 0xe7};
  private static final String CACHE_BYTES = String.valueOf(128L << 20);

  /** Claims of a beneficiary: the version of each, and the cents allowed for all. */
  private static final class Beneficiary {
    final Map<String, Long> claims = new HashMap<>();
    long cents;

    static Beneficiary of(byte[] bytes) throws IOException {
      Beneficiary state = new Beneficiary();
      if (bytes != null) {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
        state.cents = in.readLong();
        for (int left = in.readInt(); left > 0; left--) {
          state.claims.put(in.readUTF(), in.readLong());
        }
      }
      return state;
    }

    byte[] bytes() throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
      DataOutputStream out = new DataOutputStream(bytes);
      out.writeLong(cents);
      out.writeInt(claims.size());
      for (Map.Entry<String, Long> claim : claims.entrySet()) {
        out.writeUTF(claim.getKey());
        out.writeLong(claim.getValue());
      }
      return bytes.toByteArray();
    }
  }

  /** What a clinician's claims come to: how many, and cents. */
  private record Clinician(long claims, long cents) {
    static Clinician of(byte[] bytes) throws IOException {
      if (bytes == null) {
        return new Clinician(0, 0);
      }
      DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
      return new Clinician(in.readLong(), in.readLong());
    }

    byte[] bytes() throws IOException {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream(16);
      DataOutputStream out = new DataOutputStream(bytes);
      out.writeLong(claims);
      out.writeLong(cents);
      return bytes.toByteArray();
    }
  }

  /** What is done with each claim. */
  private static final class Fold implements Processor<byte[], byte[], byte[], byte[]> {
    private final Schema totals;
    private final GenericDatumReader<GenericRecord> reader;
    private final GenericDatumWriter<GenericRecord> writer;
    private final AtomicLong seen;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<String, byte[]> beneficiaries;
    private KeyValueStore<String, byte[]> clinicians;
    private BinaryDecoder decoder;
    private BinaryEncoder encoder;
    private GenericRecord reused;

    Fold(Schema claim, Schema totals, AtomicLong seen) {
      this.totals = totals;
      this.seen = seen;
      reader = new GenericDatumReader<>(claim);
      writer = new GenericDatumWriter<>(totals);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
      context = given;
      beneficiaries = given.getStateStore("beneficiaries");
      clinicians = given.getStateStore("clinicians");
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      if (seen.get() == 0) {
        System.err.println("first record");
      }
      try {
        add(record);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      seen.incrementAndGet();
    }

    private void add(Record<byte[], byte[]> record) throws IOException {
      byte[] value = record.value();
      decoder = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, value.length - HEADER_BYTES, decoder);
      GenericRecord claim = reused = reader.read(reused, decoder);
      List<?> lines = (List<?>) claim.get("lines");
      String tin = claim.get("tin").toString();
      String npi = ((GenericRecord) lines.get(0)).get("npi").toString();
      String of = tin + "|" + claim.get("beneficiary");
      Beneficiary beneficiary = Beneficiary.of(beneficiaries.get(of));
      String identity = claim.get("source") + "|" + claim.get("claim_id");
      long version = (Long) claim.get("version");
      if (beneficiary.claims.getOrDefault(identity, -1L) >= version) {
        return;
      }
      long cents = 0;
      for (Object line : lines) {
        Object allowed = ((GenericRecord) line).get("allowed_cents");
        cents += allowed == null ? 0 : (Long) allowed;
      }
      beneficiary.claims.put(identity, version);
      beneficiary.cents += cents;
      beneficiaries.put(of, beneficiary.bytes());
      String by = tin + "|" + npi;
      Clinician before = Clinician.of(clinicians.get(by));
      Clinician now = new Clinician(before.claims + 1, before.cents + cents);
      clinicians.put(by, now.bytes());
      context.forward(record.withValue(output(tin, npi, now)));
    }

    private byte[] output(String tin, String npi, Clinician clinician) throws IOException {
      GenericRecord row = new GenericData.Record(totals);
      row.put("tin", tin);
      row.put("npi", npi);
      row.put("claims", clinician.claims);
      row.put("allowed_cents", clinician.cents);
      ByteArrayOutputStream bytes = new ByteArrayOutputStream(64);
      bytes.write(FRAME);
      encoder = EncoderFactory.get().directBinaryEncoder(bytes, encoder);
      writer.write(row, encoder);
      encoder.flush();
      return bytes.toByteArray();
    }
  }

  private static Properties properties(Map<String, String> job) {
    Properties told = new Properties();
    told.put(StreamsConfig.APPLICATION_ID_CONFIG, job.get("group"));
    told.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, job.get("bootstrap"));
    told.put(StreamsConfig.STATE_DIR_CONFIG, job.get("folder"));
    told.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, "1");
    told.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    told.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    told.put("auto.offset.reset", "earliest");
    told.put("producer.linger.ms", "20");
    told.put("producer.batch.size", "262144");
    told.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, job.get("guarantee"));
    if (job.get("guarantee").equals(StreamsConfig.AT_LEAST_ONCE)) {
      told.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "5000"); // exactly once: the default, 100 ms
    }
    told.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
    return told;
  }

  private static StoreBuilder<KeyValueStore<String, byte[]>> store(String name, boolean cached) {
    StoreBuilder<KeyValueStore<String, byte[]>> builder =
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), Serdes.String(), Serdes.ByteArray());
    return cached ? builder.withCachingEnabled() : builder.withCachingDisabled();
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, String> job = new HashMap<>();
    for (String argument : arguments) {
      String[] parts = argument.split("=", 2);
      job.put(parts[0], parts[1]);
    }
    Schema claim = new Schema.Parser().parse(new File(job.get("schema")));
    Schema totals = new Schema.Parser().parse(new File(job.get("totals")));
    boolean cached = job.get("cache").equals("on");
    AtomicLong seen = new AtomicLong();
    Topology topology = new Topology();
    topology.addSource("claims", job.get("topic"));
    topology.addProcessor("fold", () -> new Fold(claim, totals, seen), "claims");
    topology.addStateStore(store("beneficiaries", cached), "fold");
    topology.addStateStore(store("clinicians", cached), "fold");
    topology.addSink("outputs", job.get("outputs"), "fold");
    KafkaStreams streams = new KafkaStreams(topology, properties(job));
    streams.start();
    long events = Long.parseLong(job.get("events"));
    while (seen.get() < events) {
      Thread.sleep(10);
    }
    streams.close(); // it commits
    new CountDownLatch(1).await(); // the observer reads processor time and memory, and ends the process
  }
}
