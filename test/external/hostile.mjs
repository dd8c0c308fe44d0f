// A program that breaks its promises, each in its own way: node hostile.mjs WAY. It has linear attention in float64, and answers zeros.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, readSync, writeSync } from 'node:fs';

const way = process.argv[2];

function pipe(bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(4, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}
const send = (message, ...parts) => pipe(Buffer.concat([Buffer.from(`${JSON.stringify(message)}\n`), ...parts]));
const pause = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
const forever = () => {
  for (;;) pause(1e6);
};

function read(count) {
  const bytes = Buffer.alloc(count);
  for (let at = 0; at < count; ) {
    try {
      const got = readSync(3, bytes, at, count - at);
      if (got === 0) process.exit(0);
      at += got;
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
  return bytes;
}

function receive() {
  const line = [];
  for (let byte = read(1)[0]; byte !== 10; byte = read(1)[0]) line.push(byte);
  const message = JSON.parse(Buffer.from(line).toString());
  for (const { shape } of message.tensors ?? []) read(shape.reduce((product, size) => product * size, 8));
  return message;
}

const description = {
  type: 'description',
  version: 1,
  name: 'hostile',
  systems: ['linear'],
  dtypes: ['float64'],
  gradients: true,
};

/** What it says of itself, in the wrong ways. */
const starts = {
  'ends at once': () => process.exit(7),
  'hangs at the start': forever,
  'no JSON at the start': () => pipe(Buffer.from('hello\n')),
  'bytes that are no text': () => pipe(Buffer.from([0xff, 0xfe, 10])),
  'a list at the start': () => pipe(Buffer.from('[1, 2]\n')),
  'another type at the start': () => send({ type: 'hello' }),
  'an answer at the start': () => send({ type: 'answer', id: 0, tensors: [] }),
  'a field of its own': () => send({ ...description, color: 'red' }),
  'a system of its own': () => send({ ...description, systems: ['linear', 'hyena'] }),
  'no dtypes': () => send({ ...description, dtypes: undefined }),
  'another version': () => send({ ...description, version: 2 }),
  'a chunk size that is no power of two': () => send({ ...description, chunkSize: 48 }),
  'a limit that is none': () => send({ ...description, limits: { K: { most: 4 } } }),
  'nested without end': () => pipe(Buffer.from(`{"type": ${'['.repeat(2e5)}${']'.repeat(2e5)}}\n`)),
  'starts slowly': () => {
    pause(700);
    send(description);
  },
  'has another name each time': () => send({ ...description, name: `hostile ${process.pid}` }),
  'two descriptions': () => {
    send(description);
    send(description);
  },
};

const zeros = (shape) => Buffer.alloc(shape.reduce((product, size) => product * size, 8));

/** In a session of its own, and nobody's child. */
const daemon = () => {
  const script = 'setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo child $!';
  spawnSync('sh', ['-c', script], { stdio: ['ignore', 'inherit', 'inherit'] });
};

/** What it answers to a case, in the wrong ways; `right` is what is asked for. */
const answers = {
  crashes: () => {
    console.error('about to divide by zero');
    process.exit(1);
  },
  'is killed': () => process.kill(process.pid, 'SIGSEGV'),
  aborts: () => process.abort(),
  hangs: forever,
  'ignores SIGTERM': () => {
    process.on('SIGTERM', () => {});
    for (;;);
  },
  'stops itself': () => process.kill(process.pid, 'SIGSTOP'),
  'one byte after another': ({ message }) => {
    for (const byte of Buffer.from(JSON.stringify(message))) {
      pipe(Buffer.from([byte]));
      pause(100);
    }
  },
  'prints without end, and never answers': () => {
    for (;;) {
      writeSync(1, '{"type": "answer"}\n'.repeat(1000));
      writeSync(2, 'x'.repeat(1000));
    }
  },
  'no JSON': () => pipe(Buffer.from('oops\n')),
  'half a message': () => {
    pipe(Buffer.from('{"type": "ans'));
    process.exit(0);
  },
  'half a tensor': (right) => {
    send(right.message, right.bytes.subarray(0, 9));
    forever();
  },
  'half a tensor, and ends': (right) => {
    send(right.message, right.bytes.subarray(0, 9));
    process.exit(0);
  },
  'another shape': ({ message }) => {
    const [o, ...rest] = message.tensors;
    send(
      { ...message, tensors: [{ ...o, shape: [...o.shape, 1] }, ...rest] },
      ...message.tensors.map(({ shape }) => zeros(shape)),
    );
  },
  'two axes exchanged': ({ message, bytes }) => {
    const [o, ...rest] = message.tensors;
    const [B, T, H, V] = o.shape;
    send({ ...message, tensors: [{ ...o, shape: [B, H, T, V] }, ...rest] }, bytes);
  },
  'NaN in its JSON': () => pipe(Buffer.from('{"type": "answer", "id": NaN, "tensors": []}\n')),
  'float32 under the name of float64': ({ message, bytes }) => {
    send(message, bytes.subarray(0, bytes.length / 2));
    process.exit(0);
  },
  'float64 under the name of float32': ({ message, bytes }) =>
    send({ ...message, tensors: message.tensors.map((each) => ({ ...each, dtype: 'float32' })) }, bytes),
  'a line feed behind its tensors': ({ message, bytes }) => send(message, bytes, Buffer.from('\n')),
  'a gradient that nobody asked for': ({ message }) => {
    const q = { name: 'gradients.q', dtype: 'float64', shape: [0] };
    send({ ...message, tensors: [message.tensors[0], q] }, zeros(message.tensors[0].shape));
  },
  'does not know what it does not know': ({ message, bytes }, asked) => {
    if (asked.hint) send({ type: 'error', id: message.id, message: 'no field hint' });
    else send(message, bytes);
  },
  'prints its answer': ({ message }) => console.log(JSON.stringify(message)),
  'knows one system and ends': ({ message, bytes }, asked) => {
    if (asked.case.system !== 'linear') process.exit(5);
    send(message, bytes);
  },
  'stays after bye': ({ message, bytes }) => send(message, bytes),
  'an unknown dtype': ({ message, bytes }) =>
    send({ ...message, tensors: message.tensors.map((each) => ({ ...each, dtype: 'int8' })) }, bytes),
  'a negative size': ({ message }) => send({ ...message, tensors: [{ name: 'o', dtype: 'float64', shape: [-1] }] }),
  'a tensor of half a number': ({ message }) =>
    send({ ...message, tensors: [{ name: 'o', dtype: 'float64', shape: [1.5] }] }),
  'a tensor larger than memory': ({ message }) =>
    send({ ...message, tensors: [{ name: 'o', dtype: 'float64', shape: [2 ** 20, 2 ** 20] }] }),
  'a tensor of a gibibyte': ({ message }) => {
    send({ ...message, tensors: [{ name: 'o', dtype: 'float64', shape: [2 ** 27] }] });
    for (;;) pipe(Buffer.alloc(2 ** 20));
  },
  'no output': ({ message }) => send({ ...message, tensors: [] }),
  'a tensor too many': ({ message, bytes }) =>
    send({ ...message, tensors: [...message.tensors, { name: 'dq', dtype: 'float64', shape: [0] }] }, bytes),
  'a tensor twice': ({ message }) => {
    const o = message.tensors[0];
    send({ ...message, tensors: [o, o] }, zeros(o.shape), zeros(o.shape));
  },
  'no gradient of k': ({ message }) => {
    const tensors = message.tensors.filter(({ name }) => name !== 'gradients.k');
    send({ ...message, tensors }, ...tensors.map(({ shape }) => zeros(shape)));
  },
  'another id': ({ message, bytes }) => send({ ...message, id: message.id + 1 }, bytes),
  'a line without end': () => {
    for (;;) pipe(Buffer.alloc(65536, 'x'));
  },
  'more and more answers': ({ message, bytes }) => {
    for (;;) send(message, bytes);
  },
  'an answer too many': ({ message, bytes }) => {
    send(message, bytes);
    send(message, bytes);
  },
  'closes its pipe': () => {
    closeSync(4);
    forever();
  },
  'closes what it reads': ({ message, bytes }) => {
    send(message, bytes);
    closeSync(3);
    forever();
  },
  'leaves a child behind': () => {
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    console.log(`child ${child.pid}`);
    process.exit(1);
  },
  'leaves a child that holds the pipe': () => {
    const child = spawn('sleep', ['1000'], { stdio: ['ignore', 'inherit', 'inherit', 'inherit', 'inherit'] });
    console.log(`child ${child.pid}`);
    process.exit(1);
  },
  'leaves a daemon behind': () => {
    daemon();
    process.exit(1);
  },
  'leaves a daemon that holds the pipe': () => {
    const child = spawn('sleep', ['1000'], {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'inherit', 'inherit'],
    });
    console.log(`child ${child.pid}`);
    process.exit(1);
  },
  'leaves daemons, and answers': ({ message, bytes }) => {
    daemon();
    send(message, bytes);
  },
  'leaves a daemon, and hangs': () => {
    daemon();
    forever();
  },
  'ends right after its answer': ({ message, bytes }) => {
    send(message, bytes);
    process.exit(0);
  },
  'answers NaN': ({ message, bytes }) => {
    for (let at = 0; at < bytes.length; at += 8) bytes.writeDoubleLE(Number.NaN, at);
    send(message, bytes);
  },
  'has another name each time': () => process.exit(1),
  'starts slowly': ({ message, bytes }) => send(message, bytes),
  'says that it cannot': ({ message }) =>
    send({ type: 'error', id: message.id, message: 'K is too large for my tiles' }),
  'an error without a word': ({ message }) => send({ type: 'error', id: message.id }),
  'prints without end': ({ message, bytes }) => {
    for (let i = 0; i < 100; i++) process.stdout.write(`${'{"type": "answer"}\n'.repeat(1000)}`);
    console.error('x'.repeat(1e6));
    send(message, bytes);
  },
  'does as it is told': ({ message, bytes }) => send(message, bytes),
};

if (receive().type !== 'describe') process.exit(9);
(starts[way] ?? (() => send(description)))();
for (;;) {
  const asked = receive();
  if (asked.type === 'bye' && way === 'stays after bye') forever();
  if (asked.type === 'bye') process.exit(0);
  const shapes = Object.fromEntries(asked.tensors.map(({ name, shape }) => [name, shape]));
  const tensors = [{ name: 'o', dtype: 'float64', shape: shapes.v }];
  if (shapes['cotangents.o']) {
    for (const name of ['q', 'k', 'v'])
      tensors.push({ name: `gradients.${name}`, dtype: 'float64', shape: shapes[name] });
  }
  const bytes = Buffer.concat(tensors.map(({ shape }) => zeros(shape)));
  answers[way]({ message: { type: 'answer', id: asked.id, tensors }, bytes }, asked);
}
