"""The words on the wire: topics, schemas, the codec, foreign formats. The only importer of fastavro."""
