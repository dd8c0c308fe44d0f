import { PassThrough, Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { computeLines, respondOn } from '../../gate/compute-lines.ts';
import { precisions } from '../../properties/precision.ts';
import { boundsOf } from '../../properties/tolerance.ts';
import type { Case } from '../../reference/case.ts';
import { answerToJson, caseToJson, type JsonError, jsonText } from '../../reference/case-json.ts';
import { compute } from '../../reference/operator.ts';
import { goodCase, withCotangents } from './good-case.ts';

const line = (c: Case): string => jsonText(caseToJson(c));
const answerOf = (c: Case): string => jsonText(answerToJson(compute(c)));

const mamba = withCotangents(goodCase('log-linear-mamba2', { stateLevels: 1 }, { form: 'masked' }));
const softmax = goodCase('softmax');
const retention = goodCase('retention', {}, { scale: 0.5, form: 'recurrent' });

/** Collects what is written, and hands it back as text. */
function collector(): { stream: Writable; text: () => string } {
  const parts: Buffer[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      parts.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(parts).toString() };
}

async function run(...chunks: (string | Buffer)[]) {
  const out = collector();
  const counts = await computeLines(Readable.from(chunks, { objectMode: false }), out.stream);
  const text = out.text();
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return { ...counts, lines: counts.lines, out: text.split('\n').slice(0, -1) };
}

const errorOf = (text: string): JsonError['error'] => (JSON.parse(text) as JsonError).error;

describe('lines', () => {
  it('answers each case on one line, in order', async () => {
    const cases = [mamba, softmax, retention, mamba];
    const { lines, bad, out } = await run(cases.map((c) => `${line(c)}\n`).join(''));
    expect({ lines, bad }).toEqual({ lines: 4, bad: 0 });
    expect(out).toEqual(cases.map(answerOf));
  });

  it.each([
    ['nothing', '', 0],
    ['blank lines alone', '\n\n  \t \n\r\n', 0],
    ['no newline at the end', line(softmax), 1],
    ['CRLF', `${line(softmax)}\r\n${line(retention)}\r\n`, 2],
    ['blank lines between', `\n\n${line(softmax)}\n \n\r\n${line(retention)}\n\n`, 2],
    ['a byte order mark', `\uFEFF${line(softmax)}\n`, 1],
    ['a byte order mark and nothing else', '\uFEFF', 0],
    ['spaces around', `  ${line(softmax)}\t \n`, 1],
  ])('takes %s', async (_name, text, lines) => {
    const result = await run(text);
    expect(result.lines).toBe(lines);
    expect(result.bad).toBe(0);
    expect(result.out).toEqual([answerOf(softmax), answerOf(retention)].slice(0, lines));
  });

  it('takes chunks cut anywhere, inside a character too', async () => {
    const text = `\uFEFF${line({ ...softmax, law: 'é → 𝄞' })}\r\n\n${line(retention)}`;
    const bytes = Buffer.from(text);
    const singles = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    const { lines, bad, out } = await run(...singles);
    expect({ lines, bad }).toEqual({ lines: 2, bad: 0 });
    expect(out).toEqual([answerOf(softmax), answerOf(retention)]);
  });

  it('takes streams of strings', async () => {
    const out = collector();
    const input = Readable.from([line(softmax).slice(0, 9), `${line(softmax).slice(9)}\n`]).setEncoding('utf8');
    expect(await computeLines(input, out.stream)).toEqual({ lines: 1, bad: 0 });
    expect(out.text()).toBe(`${answerOf(softmax)}\n`);
  });

  it('takes very long lines, and writes them', async () => {
    const long = goodCase('linear', { T: 400, H: 8, G: 8, K: 32, V: 32 }, { form: 'recurrent' });
    const text = Buffer.from(`${line(long)}\n`);
    expect(text.length).toBeGreaterThan(4e6);
    const chunks = Array.from({ length: Math.ceil(text.length / 65536) }, (_, i) =>
      text.subarray(i * 65536, (i + 1) * 65536),
    );
    const { lines, out } = await run(...chunks);
    expect(lines).toBe(1);
    expect(out[0] === answerOf(long)).toBe(true);
  });

  it('answers a case before the next one has come', async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    const end = computeLines(input, output);
    for (const c of [softmax, retention]) {
      input.write(`${line(c)}\n`);
      const [text] = (await new Promise<Buffer>((resolve) => output.once('data', resolve))).toString().split('\n');
      expect(text).toBe(answerOf(c));
    }
    input.end();
    expect(await end).toEqual({ lines: 2, bad: 0 });
  });
});

describe('bad cases', () => {
  const rows: [name: string, text: string | Buffer, argument: string, message: RegExp][] = [
    ['no JSON', '{"system": NaN}', 'case', /^compute: case: text that is not JSON \(.* at position 11\) given/],
    ['no object', '[1, 2]', 'case', /^compute: case: an array of 2 given, a case/],
    ['an unknown field', line({ ...softmax, extra: 1 } as Case), 'extra', /an unknown field given/],
    ['an unknown system', line({ ...softmax, system: 'hardmax' }), 'system', /"hardmax" given, softmax, linear/],
    ['a form that we do not have', line({ ...softmax, form: 'quantum' } as unknown as Case), 'form', /"quantum" given/],
    [
      'a form that the system does not have',
      line({ ...softmax, form: 'chunked' }),
      'form',
      /chunked for softmax given/,
    ],
    ['too short a lambda', line(goodCase('log-linear-linear', { L: 3 })), 'lambda', /L >= 4$/],
    ['a state too large', line(goodCase('linear', { T: 0, K: 1e9, V: 1e9 })), 'v', /n H L K V <= 2\^26/],
    ['a line that is not UTF-8', Buffer.of(0x7b, 0xff, 0x7d), 'case', /not UTF-8 given, JSON text in UTF-8 wanted/],
    ['UTF-16', Buffer.from(`\uFEFF${line(softmax)}`, 'utf16le'), 'case', /not UTF-8/],
  ];

  it.each(rows)('answers the error of %s, and goes on', async (_name, text, argument, message) => {
    const { lines, bad, out } = await run(`${line(softmax)}\n`, text, `\n${line(retention)}\n`);
    expect({ lines, bad }).toEqual({ lines: out.length, bad: 1 });
    expect([out[0], out.at(-1)]).toEqual([answerOf(softmax), answerOf(retention)]);
    const error = errorOf(out[1]);
    expect(error.kind).toBe('invalid-input');
    expect(error.argument).toBe(argument);
    expect(error.message).toMatch(message);
    expect(Object.keys(JSON.parse(out[1]))).toEqual(['error']);
  });

  it('counts every one', async () => {
    const { lines, bad, out } = await run(rows.map(([, text]) => `${Buffer.isBuffer(text) ? 'x' : text}\n`).join(''));
    expect({ lines, bad }).toEqual({ lines: rows.length, bad: rows.length });
    expect(out.every((text) => errorOf(text).kind === 'invalid-input')).toBe(true);
  });

  it('a case that needs more memory than there is', async () => {
    const out = collector();
    const counts = await computeLines(Readable.from([`${line(softmax)}\n${line(retention)}\n`]), out.stream, (c) =>
      c.system === 'softmax' ? new Float64Array(2 ** 52) : {},
    );
    expect(counts).toEqual({ lines: 2, bad: 1 });
    expect(errorOf(out.text().split('\n')[0]).message).toMatch(
      /case: a case too large for memory .* smaller chunkSize/,
    );
  });
});

describe('respond', () => {
  it('stands in for the oracle, later too', async () => {
    const out = collector();
    const respond = async (c: Case): Promise<unknown> => ({ o: [-0], name: c.system });
    await computeLines(Readable.from([line(softmax)]), out.stream, respond);
    expect(out.text()).toBe('{"o":[-0],"name":"softmax"}\n');
  });

  it('what it throws that is no bad input is a fault of ours, and is thrown on', async () => {
    const out = collector();
    const respond = (c: Case): unknown => {
      if (c.system === 'softmax') return 1;
      throw new TypeError('a bug');
    };
    const input = Readable.from([`${line(softmax)}\n${line(retention)}\n`]);
    await expect(computeLines(input, out.stream, respond)).rejects.toThrow('a bug');
    expect(out.text()).toBe('1\n');
  });
});

describe('respondOn with a precision', () => {
  const answers = async (cases: (Case | string)[], name = 'bfloat16') => {
    const out = collector();
    const p = precisions.find((each) => each.name === name) ?? precisions[0];
    const text = cases.map((c) => `${typeof c === 'string' ? c : line(c)}\n`).join('');
    const counts = await computeLines(Readable.from([text]), out.stream, respondOn(undefined, p));
    const lines = out.text().split('\n').slice(0, -1);
    return { ...counts, answers: lines.map((each) => JSON.parse(each)), p };
  };

  it.each(precisions.map(({ name }) => name))('adds bounds in %s, shaped like the answer', async (name) => {
    const full = withCotangents(goodCase('log-linear-kimi-delta', { stateLevels: 2 }));
    const { answers: each, p } = await answers([full], name);
    const { bounds, ...answer } = each[0];
    expect(answer).toEqual(JSON.parse(answerOf(full)));
    expect(Object.keys(bounds)).toEqual(['o', 'finalState', 'gradients']);
    expect(Object.keys(bounds.gradients)).toEqual(Object.keys(answer.gradients));
    const wanted = boundsOf(full, p);
    for (const [bound, value, data] of [
      [bounds.o, answer.o, wanted.o],
      [bounds.finalState, answer.finalState, wanted.finalState],
      ...Object.entries(wanted.gradients).map(([key, some]) => [bounds.gradients[key], answer.gradients[key], some]),
    ]) {
      expect(bound.shape).toEqual(value.shape);
      expect(bound.data).toEqual([...data]);
    }
  });

  it('has no bounds for what the answer does not have', async () => {
    const { answers: each } = await answers([softmax, retention, withCotangents(softmax)]);
    expect(each.map(({ bounds }) => Object.keys(bounds))).toEqual([['o'], ['o', 'finalState'], ['o', 'gradients']]);
  });

  it('writes "Infinity" where nothing is promised', async () => {
    const huge = goodCase('linear', { T: 1, H: 1, K: 1, V: 1 });
    (huge.inputs.v as { data: Float64Array }).data[0] = 1e6;
    const { answers: each } = await answers([huge], 'float16');
    expect(each[0].bounds.o.data).toEqual(['Infinity']);
  });

  it('takes a case without positions', async () => {
    const { answers: each } = await answers([withCotangents(goodCase('log-linear-gla', { T: 0 }), { T: 0 })]);
    expect(each[0].bounds).toMatchObject({ o: { shape: [1, 0, 2, 2], data: [] }, gradients: { g: { data: [] } } });
  });

  it('answers the error of a bad case, and goes on', async () => {
    const { lines, bad, answers: each } = await answers([softmax, '{"system":"nope","inputs":{}}', retention]);
    expect({ lines, bad }).toEqual({ lines: 3, bad: 1 });
    expect(Object.keys(each[1])).toEqual(['error']);
    expect(each[2].bounds.o.shape).toEqual([1, 5, 2, 2]);
  });
});

describe('streams', () => {
  const many = `${line(softmax)}\n`.repeat(50);

  it('writes no more while the output is full', async () => {
    const state = { held: 0, most: 0 };
    const slow = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        setImmediate(done);
      },
    });
    const write = slow.write.bind(slow);
    slow.write = ((chunk: string, callback: (error?: Error | null) => void) => {
      state.held++;
      state.most = Math.max(state.most, state.held);
      return write(chunk, (error) => {
        state.held--;
        callback(error);
      });
    }) as typeof slow.write;
    expect(await computeLines(Readable.from([many]), slow)).toEqual({ lines: 50, bad: 0 });
    expect(state).toEqual({ held: 0, most: 1 });
  });

  it('reads no more while the output is full', async () => {
    let read = 0;
    const endless = new Readable({
      read() {
        read++;
        this.push(`${line(softmax)}\n`);
      },
    });
    const stuck = new Writable({ highWaterMark: 1, write() {} });
    const end = computeLines(endless, stuck);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = read;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(read).toBe(before);
    stuck.destroy();
    expect((await end).lines).toBe(1);
  });

  const failing = (code: string): Writable =>
    new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error(`write ${code}`), { code }));
      },
    });

  it('ends quietly when nobody reads the output', async () => {
    const { bad, lines } = await computeLines(Readable.from([many]), failing('EPIPE'));
    expect(bad).toBe(0);
    expect(lines).toBeLessThan(50);
  });

  it('ends quietly when the reader goes while the input is silent', async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    const end = computeLines(input, output);
    input.write(`${line(softmax)}\n`);
    await new Promise((resolve) => output.once('data', resolve));
    output.destroy();
    expect(await end).toEqual({ lines: 1, bad: 0 });
    expect(input.destroyed).toBe(true);
  });

  it('ends quietly when the output is closed before it begins', async () => {
    const output = new PassThrough();
    output.destroy();
    await new Promise((resolve) => output.once('close', resolve));
    expect((await computeLines(Readable.from([many]), output)).bad).toBe(0);
  });

  it('any other fault of the output is thrown', async () => {
    await expect(computeLines(Readable.from([many]), failing('ENOSPC'))).rejects.toThrow('write ENOSPC');
  });

  it('a fault of the input is thrown, after what came before it', async () => {
    const out = collector();
    const input = Readable.from(
      (function* () {
        yield `${line(softmax)}\n`;
        throw new Error('read EIO');
      })(),
    );
    await expect(computeLines(input, out.stream)).rejects.toThrow('read EIO');
    expect(out.text()).toBe(`${answerOf(softmax)}\n`);
  });

  it('leaves the output open and no listener behind', async () => {
    const out = collector();
    const names = ['drain', 'error', 'close'];
    const before = names.map((name) => out.stream.listenerCount(name));
    for (let i = 0; i < 3; i++) await computeLines(Readable.from([many]), out.stream);
    expect(names.map((name) => out.stream.listenerCount(name))).toEqual(before);
    expect(out.stream.writable).toBe(true);
  });
});
