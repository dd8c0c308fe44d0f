/** The whole text of what parseCase and parseAnswer refuse, one of each kind. */
import { parseAnswer, parseCase } from '../../reference/case-json.ts';
import { refusals } from './refusals.ts';

const parsed = (text: string) => () => parseCase(text);
const field = (fields: object) => () => parseCase({ system: 'linear', inputs: {}, ...fields });
const withQ = (q: unknown) => field({ inputs: { q } });
const single = { shape: [1, 1, 1, 1], data: [1] };

refusals([
  [parsed('[1]'), 'parseCase: case: an array of 1 given, a case, {"system", "inputs", …} wanted'],
  [parsed('{}'), 'parseCase: system: nothing given, the name of a system wanted'],
  [parsed('{"system": "linear", "inputs": 3}'), 'parseCase: inputs: 3 given, tensors by name wanted'],
  [
    field({ inputs: { gate: single } }),
    'parseCase: gate: an unknown input given, q, k, v, g, beta, lambda, initialState wanted: remove it',
  ],
  [field({ form: 3 }), 'parseCase: form: 3 given, the name of a form wanted'],
  [field({ scale: '1' }), 'parseCase: scale: "1" given, a finite number wanted'],
  [
    field({ structure: [] }),
    'parseCase: structure: an array of 0 given, {"kind": "weak", "base": 2} (or a larger base) or {"kind": "strong"} wanted',
  ],
  [field({ position: 1 }), 'parseCase: position: 1 given, an array of integers, one for each sequence wanted'],
  [field({ cuSeqlens: ['0'] }), 'parseCase: cuSeqlens: an array of 1 given, an array of integers wanted'],
  [field({ chunkSize: '1' }), 'parseCase: chunkSize: "1" given, a power of two wanted'],
  [field({ law: 1 }), 'parseCase: law: 1 given, a string wanted'],
  [field({ seed: 0.5 }), 'parseCase: seed: 0.5 given, an integer wanted'],
  [field({ path: 1 }), 'parseCase: path: 1 given, a string wanted'],
  [field({ cotangents: 1 }), 'parseCase: cotangents: 1 given, tensors o and, optionally, finalState wanted'],
  [
    field({ cotangents: { o: single, v: single } }),
    'parseCase: cotangents: unknown field "v" given, o, finalState wanted: remove it',
  ],
  [field({ cotangents: {} }), 'parseCase: cotangents.o: nothing given, a tensor {"shape", "data", "dtype"} wanted'],
  [withQ(1), 'parseCase: q: 1 given, a tensor {"shape", "data", "dtype"} wanted'],
  [
    withQ({ ...single, strides: [1] }),
    'parseCase: q: unknown field "strides" given, shape, data, dtype wanted: remove it',
  ],
  [withQ({ ...single, shape: 1 }), 'parseCase: q: shape: 1 given, an array of sizes wanted'],
  [withQ({ ...single, shape: [1, 1, 1, 1, 1, 1] }), 'parseCase: q: rank 6 given, rank 5 or less wanted'],
  [withQ({ ...single, shape: [-1] }), 'parseCase: q: shape [-1] given, sizes that are integers of 0 or more wanted'],
  [
    withQ({ ...single, dtype: 'int8' }),
    'parseCase: q: dtype "int8" given, "float64" or "float32" wanted: any float16 or bfloat16 number is a float32 number too',
  ],
  [withQ({ ...single, data: 1 }), 'parseCase: q: data: 1 given, an array of numbers wanted'],
  [withQ({ ...single, data: [1, 2] }), 'parseCase: q: 2 numbers of data given, 1 for shape [1,1,1,1] wanted'],
  [
    withQ({ ...single, data: ['one'] }),
    'parseCase: q: "one" at data[0] given, a number that a double can hold, or one of the strings "NaN", "Infinity", "-Infinity" wanted',
  ],
  [
    withQ({ ...single, data: [0.1], dtype: 'float32' }),
    'parseCase: q: 0.1 at data[0] of float32 given, a float32 number wanted: round it first, or say "dtype": "float64"',
  ],
  [
    () => parseAnswer('[]'),
    'parseAnswer: answer: an array of 0 given, an answer, {"o", "finalState", "position", "gradients"} wanted',
  ],
  [
    () => parseAnswer({ o: single, position: ['0'] }),
    'parseAnswer: position: ["0"] given, an array of integers of 0 or more wanted',
  ],
  [
    () => parseAnswer({ o: single, position: [0], gradients: 1 }),
    "parseAnswer: gradients: 1 given, tensors by the inputs' names wanted",
  ],
  [
    () => parseAnswer({ o: single, position: [0], gradients: { w: single } }),
    'parseAnswer: gradients: unknown field "w" given, q, k, v, g, beta, lambda, initialState wanted: remove it',
  ],
]);
