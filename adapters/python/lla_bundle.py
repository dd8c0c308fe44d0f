#!/usr/bin/env python3
"""Asks a program the cases of a bundle, and writes its answers into it. Standard library only; `lla bundle` puts this file into the folder.

    python3 FOLDER/run.py -- python3 my_adapter.py

starts the program as `lla gate` does: with file descriptors 3 to read from and 4 to write to (docs/protocol.md of the suite). A program that
crashes or hangs is started again, and its case is answered by what happened. A job that was killed goes on where it stopped when it is run
again. Nothing is judged here: `lla verdict FOLDER` does, where Node is. What is called outside of a bound here is a hint.
"""
import argparse
import array
import hashlib
import json
import math
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time

VERSION = 1
BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
LONGEST_LINE = 2 ** 20
MOST_BYTES = 2 ** 31
KEPT = 4000  # bytes of what the program prints
GRACE = 2  # seconds for a program that was asked to end


class Stop(Exception):
    """Nothing more can be done here; the text says why."""

    def __init__(self, text, code=2):
        super().__init__(text)
        self.code = code


class Failure(Exception):
    """The program gave no answer: kind is the protocol's word for how."""

    def __init__(self, kind, text, printed=""):
        lines = printed.rstrip().split("\n")[-8:] if printed.strip() else []
        shown = "\n  it printed:\n" + "\n".join("    " + line for line in lines) if lines else ""
        super().__init__(text + shown)
        self.kind = kind


def dumps(message):
    """A message as a line, without its end."""
    return json.dumps(message, separators=(",", ":")).encode()


def size_of(spec):
    return math.prod(spec["shape"]) * BYTES[spec["dtype"]]


# ---------------------------------------------------------------------------------------------------------- the program

class Child:
    """One process of the program, asked one thing at a time."""

    def __init__(self, command):
        down_read, down_write = os.pipe()
        up_read, up_write = os.pipe()
        os.dup2(down_read, 3, inheritable=True)
        os.dup2(up_write, 4, inheritable=True)
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                            pass_fds=(3, 4), start_new_session=True)
        except OSError as error:
            os.close(down_write)
            os.close(up_read)
            raise Failure("did-not-start", f"it cannot be run ({error})")
        finally:
            os.close(down_read)
            os.close(up_write)
            reserve()
        self.to, self.source = down_write, up_read
        os.set_blocking(self.to, False)
        os.set_blocking(self.source, False)
        self.held = b""
        self.printed = b""
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self):
        while True:
            piece = self.process.stdout.read1(65536)
            if not piece:
                return
            self.printed = (self.printed + piece)[-KEPT:]

    def ask(self, data, seconds, what):
        """Sends bytes; the message that answers, and the bytes of its tensors behind each other."""
        if self.held:
            raise self.failure("broke-protocol", "it wrote what nobody asked for")
        self.deadline, self.late = time.monotonic() + seconds, f"no {what} within {seconds:g} s"
        view = memoryview(data)
        while view:
            self.wait([], [self.to])
            try:
                view = view[os.write(self.to, view):]
            except BrokenPipeError:
                raise self.gone()
        while b"\n" not in self.held:
            if len(self.held) > LONGEST_LINE:
                raise self.failure("broke-protocol", f"a line of more than {LONGEST_LINE} bytes")
            self.more()
        line, _, self.held = self.held.partition(b"\n")
        try:
            message = json.loads(line.decode("utf-8"))
            specs = message.get("tensors", [])
            sizes = [size_of(spec) for spec in specs]
            if any(type(size) is not int or size < 0 for spec in specs for size in spec["shape"]):
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise self.failure("broke-protocol", f"a line that is no message: {line[:80]!r}")
        if sum(sizes) > MOST_BYTES:
            raise self.failure("broke-protocol", f"tensors of {sum(sizes)} bytes")
        pieces, count = [self.held], len(self.held)
        while count < sum(sizes):
            pieces.append(self.read())
            count += len(pieces[-1])
        body = b"".join(pieces)
        self.held = body[sum(sizes):]
        return message, body[:sum(sizes)]

    def more(self):
        self.held += self.read()

    def read(self):
        self.wait([self.source], [])
        piece = os.read(self.source, 1 << 20)
        if not piece:
            raise self.gone()
        return piece

    def wait(self, reading, writing):
        poll = select.poll()
        for descriptor in reading:
            poll.register(descriptor, select.POLLIN)
        for descriptor in writing:
            poll.register(descriptor, select.POLLOUT)
        while True:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise self.failure("timed-out", self.late)
            has_ended = self.process.poll() is not None
            if poll.poll(min(left, 0.2) * 1000):
                return
            # what it has started may hold its pipes open
            if has_ended:
                raise self.gone()

    def gone(self):
        try:
            code = self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            return self.failure("crashed", "it closed its pipe and did not end")
        self.listener.join(0.5)
        if code < 0:
            names = {each.value: each.name for each in signal.Signals}
            return self.failure("crashed", f"it was ended by {names.get(-code, f'signal {-code}')}")
        return self.failure("crashed", f"it ended with exit code {code}")

    def failure(self, kind, text):
        return Failure(kind, text, self.printed.decode("utf-8", "replace"))

    def close(self, politely):
        if politely:
            try:
                os.write(self.to, b'{"type":"bye"}\n')
                self.process.wait(GRACE)
            except (OSError, subprocess.TimeoutExpired):
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            pass
        self.process.wait()
        os.close(self.to)
        os.close(self.source)


def reserve():
    """Keeps descriptors 3 and 4 for the program: what is opened here gets others."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (3, 4):
        if descriptor != null:
            os.dup2(null, descriptor, inheritable=False)
    if null > 4:
        os.close(null)


class Program:
    """The program, in whatever process it lives."""

    def __init__(self, command, timeout, start_timeout):
        self.command, self.timeout, self.start_timeout = command, timeout, start_timeout
        self.child = None

    def start(self):
        """A process that has described itself: its description."""
        self.child = Child(self.command)
        try:
            description, _ = self.child.ask(dumps({"type": "describe", "versions": [VERSION]}) + b"\n", self.start_timeout, "description")
            if description.get("type") != "description" or description.get("version") != VERSION:
                raise self.child.failure("broke-protocol", f"no description of version {VERSION}")
            return description
        except Failure as failure:
            self.abandon()
            if failure.kind == "crashed":
                failure.kind = "did-not-start"
            raise

    def answer(self, number, data):
        """(line, body) to be written, and whether the process was lost."""
        try:
            if self.child is None:
                self.start()
            message, body = self.child.ask(data, self.timeout, "answer")
            try:
                return checked(message, number), body, None
            except (TypeError, ValueError, KeyError) as error:
                raise self.child.failure("broke-protocol", f"{json.dumps(message)[:200]}: {error}")
        except Failure as failure:
            self.abandon()
            return failure_line(number, failure.kind, str(failure)), b"", failure

    def abandon(self, politely=False):
        if self.child is not None:
            self.child.close(politely)
        self.child = None


def checked(message, number):
    """The line of an answer or of an error as it is written, with nothing in it but what the protocol has. ValueError where there is more."""
    kind = message["type"]
    fields = {"answer": {"type", "id", "tensors"}, "error": {"type", "id", "message"}}.get(kind)
    if fields != set(message):
        raise ValueError("the fields of an answer or of an error are wanted")
    if isinstance(message["id"], bool) or message["id"] != number:
        raise ValueError(f"the answer to case {number} is wanted")
    if kind == "error":
        if not isinstance(message["message"], str) or len(message["message"]) > 65536:
            raise ValueError("a message of at most 65536 characters is wanted")
        return dumps({"type": kind, "id": number, "message": message["message"]})
    if len(message["tensors"]) > 32:
        raise ValueError("more than 32 tensors")
    specs = []
    for spec in message["tensors"]:
        name, shape = spec["name"], spec["shape"]
        if set(spec) != {"name", "dtype", "shape"} or not isinstance(name, str) or len(name) > 100 or len(shape) > 8:
            raise ValueError("a tensor has a name, a dtype and a shape of at most 8 axes")
        if any(size > 2 ** 31 - 1 for size in shape):
            raise ValueError("a size above 2^31 - 1")
        specs.append({"name": name, "dtype": spec["dtype"], "shape": shape})
    return dumps({"type": kind, "id": number, "tensors": specs})


def failure_line(number, kind, text):
    return dumps({"type": "failure", "id": number, "kind": kind, "message": text[:20000]})


# ------------------------------------------------------------------------------------------------------------ the bundle

def read_line(file):
    """The next line without its end; None where there is no whole one."""
    line = file.readline(LONGEST_LINE + 1)
    return line[:-1] if line.endswith(b"\n") else None


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


class Answers:
    """A file of answers: where each of them lies, whatever is written to it still."""

    def __init__(self, path, mode="rb"):
        self.file = open(path, mode)
        self.places = {}

    def scan(self, first):
        """Goes through what is whole, from the first message on: (its header, where it ends, what was read so far as a digest)."""
        header = json.loads(read_line(self.file) or b"null")
        end = self.file.tell()
        size = os.fstat(self.file.fileno()).st_size
        while True:
            start = self.file.tell()
            line = read_line(self.file)
            try:
                message = json.loads(line)
                length = sum(size_of(spec) for spec in message.get("tensors", []))
                is_whole = message.get("id") == first + len(self.places) and self.file.tell() + length <= size
            except (TypeError, ValueError, KeyError, AttributeError):
                is_whole = False
            if not is_whole:
                return header, end
            self.places[message["id"]] = start
            end = self.file.tell() + length
            self.file.seek(end)

    def tensor(self, number, name):
        """(dtype, shape, bytes) of a tensor of an answer; None where there is none."""
        self.file.flush()
        self.file.seek(self.places[number])
        for spec in json.loads(read_line(self.file)).get("tensors", []):
            if spec["name"] == name:
                return spec["dtype"], spec["shape"], self.file.read(size_of(spec))
            self.file.seek(size_of(spec), os.SEEK_CUR)
        return None


def doubles(dtype, data):
    """The numbers of a tensor."""
    if dtype == "float16":
        return struct.unpack(f"<{len(data) // 2}e", data)
    kind = {"float64": "d", "float32": "f"}.get(dtype)
    if kind is None:
        # a bfloat16 is the upper half of a float32
        wide = bytearray(2 * len(data))
        wide[2::4], wide[3::4] = data[0::2], data[1::2]
        data, kind = bytes(wide), "f"
    numbers = array.array(kind, data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def rounded(numbers, dtype):
    """The bytes of numbers in a format: to nearest, ties to even, as the gate rounds them."""
    if dtype == "float16":
        return b"".join(half(number) for number in numbers)
    out = array.array("d" if dtype == "float64" else "f", numbers)
    if sys.byteorder == "big":
        out.byteswap()
    data = out.tobytes()
    if dtype != "bfloat16":
        return data
    words = (word if word & 0x7FFFFFFF <= 0x7F800000 else 0x7FC00000 for word, in struct.iter_unpack("<I", data))
    return b"".join(struct.pack("<H", (word + 0x7FFF + ((word >> 16) & 1)) >> 16 if word != 0x7FC00000 else 0x7FC0) for word in words)


def half(number):
    try:
        return struct.pack("<e", number)
    except OverflowError:
        return b"\x00\x7c" if number > 0 else b"\x00\xfc"


def converted(dtype, data, wanted):
    return data if dtype == wanted else rounded(doubles(dtype, data), wanted)


class Hint:
    """The oracle's answers and bounds, read beside the cases."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.message = None
        self.at = 0
        self.next()

    def next(self):
        line = read_line(self.file)
        self.message = json.loads(line) if line else None
        self.at = self.file.tell()

    def worst(self, number, line, body):
        """How many bounds the worst number of an answer is away from the oracle's; None where nothing is said."""
        while self.message is not None and self.message["id"] < number:
            self.file.seek(self.at + sum(size_of(spec) for spec in self.message["tensors"]))
            self.next()
        if self.message is None or self.message["id"] != number:
            return None
        expected = {}
        self.file.seek(self.at)
        for spec in self.message["tensors"]:
            expected[spec["name"]] = (spec, self.file.read(size_of(spec)))
        self.next()
        answer = json.loads(line)
        worst, at = 0.0, 0
        for spec in answer.get("tensors", []):
            data = body[at:at + size_of(spec)]
            at += size_of(spec)
            wanted = expected.get(spec["name"])
            if wanted is None or wanted[0]["shape"] != spec["shape"]:
                return math.inf
            exact, limits = (doubles(each["dtype"], numbers) for each, numbers in (wanted, expected["bounds." + spec["name"]]))
            worst = max(worst, furthest(doubles(spec["dtype"], data), exact, limits))
        return worst


def furthest(actual, exact, limits):
    """The largest distance, in bounds."""
    worst = 0.0
    for a, b, limit in zip(actual, exact, limits):
        distance = abs(a - b)
        if distance <= limit * worst or a == b or limit == math.inf or b != b:
            continue
        if not distance < math.inf:
            return math.inf
        if limit == 0:
            continue  # below the numbers of a float32: nothing is said
        worst = max(worst, distance / limit)
    return worst


class Round:
    """The cases of a round, and the answers to them."""

    def __init__(self, folder, number, first, entry):
        self.number, self.first, self.entry = number, first, entry
        self.path = {what: os.path.join(folder, f"round-{number}.{what}") for what in ("cases", "expected", "answers")}
        self.count = entry["cases"]["messages"]
        self.starts = [section["first"] for section in entry["sections"]]

    def check(self):
        for what in ("cases", "expected"):
            if digest_of(self.path[what]) != self.entry[what]["sha256"]:
                raise Stop(f"{self.path[what]} is not what the manifest says: copy the folder again")

    def section(self, number):
        """Which law asks the case."""
        low, high = 0, len(self.starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.starts[middle] <= number else (low, middle)
        return low

    def title(self, section):
        entry = self.entry["sections"][section]
        return f"{entry['law']} · {entry['system']} · {entry['dtype']}"


def rounds_of(folder, manifest):
    first, rounds = 0, []
    for i, entry in enumerate(manifest["rounds"]):
        rounds.append(Round(folder, i + 1, first, entry))
        first += rounds[-1].count
    return rounds


def question(cases, earlier):
    """The next case as the program is asked it: (id, bytes); bytes is None where an answer that it needs is missing."""
    message = json.loads(read_line(cases))
    body, missing = [], False
    for spec in message["tensors"]:
        source = spec.pop("from", None)
        if source is None:
            body.append(cases.read(size_of(spec)))
            continue
        # the numbers of an answer: the next question of a law that feeds a state back
        found = earlier(source["id"], source["tensor"])
        if found is None or found[1] != spec["shape"]:
            missing = True
            continue
        body.append(converted(found[0], found[2], spec["dtype"]))
    return message["id"], None if missing else b"".join([dumps(message), b"\n", *body])


def fingerprint(command):
    """Of the command and of the files that it names: another program's answers are not gone on with."""
    digest = hashlib.sha256()
    for word in command:
        digest.update(word.encode() + b"\n")
        if os.path.isfile(word):
            digest.update(digest_of(word).encode())
    return digest.hexdigest()


class Progress:
    """On a terminal one live line, elsewhere a line now and then."""

    def __init__(self, total, done):
        self.total, self.began, self.done = total, done, done
        self.started = self.shown = time.monotonic()
        self.is_live = sys.stderr.isatty()

    def step(self, title):
        self.done += 1
        now = time.monotonic()
        if now - self.shown < (0.2 if self.is_live else 30) and self.done < self.total:
            return
        self.shown = now
        left = (now - self.started) / max(self.done - self.began, 1) * (self.total - self.done)
        text = f"{self.done}/{self.total}, {now - self.started:.0f} s, about {left:.0f} s left: {title}"
        sys.stderr.write(f"\r\x1b[K{text[:100]}" if self.is_live else text + "\n")
        sys.stderr.flush()

    def say(self, text):
        sys.stderr.write(f"\r\x1b[K{text}\n" if self.is_live else text + "\n")
        sys.stderr.flush()

    def stop(self):
        if self.is_live:
            sys.stderr.write("\r\x1b[K")


def resume(part, current, head):
    """The answers that are there already: (Answers, how many, digest of the file so far). Anything half written is cut off."""
    mode = "r+b" if os.path.exists(part) else "w+b"
    answers = Answers(part, mode)
    lock(answers.file)
    try:
        header, end = answers.scan(current.first)
    except ValueError:
        header, end = None, 0
    if header != head:
        if header is not None:
            sys.stderr.write(f"{part} is of another program or of other cases: beginning again\n")
        answers.places, end = {}, 0
    answers.file.truncate(end)
    answers.file.seek(0)
    digest = hashlib.sha256()
    for piece in iter(lambda: answers.file.read(1 << 20), b""):
        digest.update(piece)
    return answers, digest


def lock(file):
    try:
        import fcntl
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Stop(f"{file.name}: another run is writing it")
    except (ImportError, OSError):
        pass  # not every file system has locks


def run_round(current, program, command, others):
    """Asks what has no answer yet; the file has its name once it is whole."""
    part = current.path["answers"] + ".part"
    head = {"type": "answers", "version": VERSION, "round": current.number, "cases": current.entry["cases"]["sha256"],
            "program": command, "fingerprint": fingerprint(command)}
    answers, digest = resume(part, current, head)

    def write(line, body=b""):
        answers.file.seek(0, os.SEEK_END)
        for piece in (line, b"\n", body):
            answers.file.write(piece)
            digest.update(piece)
        # a job that is killed has lost nothing that was answered
        answers.file.flush()

    def earlier(number, name):
        source = next((each for each in [*others, answers] if number in each.places), None)
        return source and source.tensor(number, name)

    if not answers.places and answers.file.tell() == 0:
        write(dumps(head))
    done = len(answers.places)
    progress = Progress(current.count, done)
    if done:
        progress.say(f"round {current.number}: {done} of {current.count} cases are answered already, going on")
    hint, outside, failed = Hint(current.path["expected"]), {}, {}
    lost = None  # the section in which the program was lost: the law that asks ends there, and needs no more
    with open(current.path["cases"], "rb") as cases:
        for _ in range(done):
            cases.seek(sum(size_of(spec) for spec in json.loads(read_line(cases))["tensors"] if "from" not in spec), os.SEEK_CUR)
        for _ in range(done, current.count):
            number, data = question(cases, earlier)
            section = current.section(number)
            title = current.title(section)
            failure = None
            if lost is not None and lost[0] == section:
                line, body = failure_line(number, lost[1], f"not asked, after case {lost[2]} of the same law"), b""
            elif data is None:
                line, body = failure_line(number, "crashed", "not asked: it goes on from an answer that there is not"), b""
            else:
                line, body, failure = program.answer(number, data)
            if failure is not None:
                lost = (section, failure.kind, number)
                progress.say(f"{title}: case {number}: {failure.kind}: {failure}")
            answers.file.seek(0, os.SEEK_END)
            start = answers.file.tell()
            write(line, body)
            answers.places[number] = start
            if b'"answer"' not in line[:200]:
                failed[section] = failed.get(section, 0) + 1
            else:
                ratio = hint.worst(number, line, body)
                if ratio is not None and not ratio <= 1:
                    outside.setdefault(section, []).append(ratio)
            progress.step(title)
    progress.stop()
    trailer = {"type": "end", "answers": current.count, "sha256": digest.hexdigest()}
    write(dumps(trailer))
    os.fsync(answers.file.fileno())
    os.replace(part, current.path["answers"])
    for section in sorted({*outside, *failed}):
        ratios = outside.get(section, [])
        said = [f"{len(ratios)} outside of the bound, by {max(ratios):.3g} times it" if ratios else "",
                f"{failed[section]} without an answer" if section in failed else ""]
        print(f"{current.title(section)}: {', '.join(filter(None, said))}, of {current.entry['sections'][section]['cases']} cases")
    print(f"round {current.number}: {current.count} answers in {current.path['answers']}; lla verdict judges them")
    return answers


DEFAULTS = {**dict.fromkeys(("gradients", "state", "packed", "groups", "structures", "resets", "growth", "strongBeta"), False),
            "large": True, "intermediates": [], "chunkSize": 64, "limits": {}}


def compare_descriptions(said, wanted):
    """The program has to be the one that the cases were made for."""
    # what is left out is the default of docs/protocol.md
    said, wanted = ({**DEFAULTS, **each} for each in (said, wanted))
    differ = sorted(key for key in {*said, *wanted} if said.get(key) != wanted.get(key))
    if differ:
        raise Stop("the program says of itself what the bundle was not made for: "
                   + ", ".join(f"{key} {json.dumps(said.get(key))} instead of {json.dumps(wanted.get(key))}" for key in differ)
                   + "; bundle again, with its --describe", 3)


def run(folder, command, arguments):
    try:
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        if manifest.get("format") != "lla-bundle" or manifest.get("version") != VERSION:
            raise Stop(f"{folder}: no bundle of version {VERSION}")
        rounds = rounds_of(folder, manifest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Stop(f"{folder}: no bundle: {error}")
    if arguments.only_round is not None and not 1 <= arguments.only_round <= len(rounds):
        raise Stop(f"--only-round {arguments.only_round}: there are rounds 1 to {len(rounds)}")
    todo = [each for each in rounds if arguments.only_round in (None, each.number)]
    if not arguments.again:
        todo = [each for each in todo if not os.path.exists(each.path["answers"])]
    if not todo:
        print("all rounds are answered: lla verdict judges them; --again asks again")
        return
    program = Program(command, arguments.timeout, arguments.start_timeout)
    try:
        try:
            compare_descriptions(program.start(), manifest["description"])
        except Failure as failure:
            raise Stop(f"{' '.join(command)}: {failure.kind}: {failure}", 3)
        others = []
        for current in rounds:
            if current in todo:
                current.check()
                others.append(run_round(current, program, command, others))
            elif os.path.exists(current.path["answers"]):
                others.append(Answers(current.path["answers"]))
                others[-1].scan(current.first)
    finally:
        program.abandon(politely=True)


def main():
    words = sys.argv[1:]
    own, command = (words[:words.index("--")], words[words.index("--") + 1:]) if "--" in words else (words, [])
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], usage="%(prog)s [options] -- COMMAND ...")
    parser.add_argument("--folder", default=os.path.dirname(os.path.abspath(__file__)), help="the bundle; default: where this file is")
    parser.add_argument("--only-round", type=int, metavar="N", help="this round only")
    parser.add_argument("--again", action="store_true", help="ask rounds again that have answers")
    parser.add_argument("--timeout", type=float, default=30, metavar="SECONDS", help="what the program has for a case (30)")
    parser.add_argument("--start-timeout", type=float, default=60, metavar="SECONDS", help="what it has to start (60)")
    parser.add_argument("--describe", action="store_true", help="print what the program says it can do, for lla bundle --describe")
    arguments = parser.parse_args(own)
    if not command:
        parser.error("the program is missing: put it after --, as in -- python3 my_adapter.py")
    reserve()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    try:
        if arguments.describe:
            program = Program(command, arguments.timeout, arguments.start_timeout)
            try:
                print(json.dumps(program.start()))
            except Failure as failure:
                raise Stop(f"{' '.join(command)}: {failure.kind}: {failure}", 3)
            finally:
                program.abandon(politely=True)
        else:
            run(arguments.folder, command, arguments)
    except Stop as stop:
        sys.stderr.write(f"error: {stop}\n")
        sys.exit(stop.code)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from here\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
