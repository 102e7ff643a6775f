"""The Java side of the embedded broker: which java and mvn, and the jars they bring."""

import os
import re
import shutil
import subprocess
from hashlib import sha256
from importlib.resources import as_file, files
from pathlib import Path

from infra.errors import Unavailable

LEAST_JAVA = 17
WAYS = (
    "Ways to get a broker: install a JDK (17 or newer) and Maven, then run `asm broker up`; set ASM_KAFKA_BOOTSTRAP to "
    "a cluster that you have; or run `docker compose up` where Docker is."
)
_MAVEN_SECONDS = 600


def java_command() -> str:
    """Return the java to start the broker with.

    :raises Unavailable: there is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if java is None:
        raise Unavailable(f"There is no Java on this machine, and the embedded broker needs it. {WAYS}")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - java of this machine
    found = re.search(r'version "(\d+)', told.stderr)
    if found is None or int(found.group(1)) < LEAST_JAVA:
        version = found.group(1) if found else "unknown"
        raise Unavailable(f"The Java on this machine is of version {version}; {LEAST_JAVA} or newer is needed. {WAYS}")
    return java


def fetch_jars(library: Path) -> None:
    """Have Maven copy the broker's jars into a folder, unless those of this pom.xml are there.

    :raises Unavailable: there is no Maven, or it failed.
    """
    pom = files("infra.kafka").joinpath("pom.xml").read_bytes()
    stamp = library / ".pom-sha256"
    digest = sha256(pom).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable(f"There is no Maven (mvn) on this machine, and the embedded broker's jars come by it. {WAYS}")
    partial = library.with_name(f"{library.name}.part-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    with as_file(files("infra.kafka").joinpath("pom.xml")) as pom_file:
        _run_maven([maven, "-B", "-q", "-f", str(pom_file), "dependency:copy-dependencies"], partial)
    (partial / stamp.name).write_text(digest)
    shutil.rmtree(library, ignore_errors=True)
    partial.rename(library)


def _run_maven(command: list[str], partial: Path) -> None:
    options = [f"-DoutputDirectory={partial.absolute()}", "-DincludeScope=runtime"]
    try:
        told = subprocess.run(  # noqa: S603 - maven of this machine, our own pom
            [*command, *options], capture_output=True, text=True, check=False, timeout=_MAVEN_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"Maven did not bring the broker's jars within {_MAVEN_SECONDS} s. {WAYS}") from error
    if told.returncode != 0:
        lines = [line for line in told.stdout.splitlines() if "ERROR" in line]
        raise Unavailable(f"Maven could not bring the broker's jars: {lines[0] if lines else told.stderr}. {WAYS}")
