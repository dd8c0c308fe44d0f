/**
 * Exports made-up fixtures into a folder over and over, each with another seed, until it is killed, or so often; a dot before the first,
 * and after each.
 */
import { exportFixtures } from '../../dist/fixtures/export.js';

const [folder, first, times = Infinity] = process.argv.slice(2);
const names = ['linear.one.float32', 'linear.two.float32', 'linear.three.float32', 'linear.four.float32'];
const one = [1, 1, 1, 1];
const tensor = (name, data, storage = 'float64', shape = one) => ({
  name,
  shape,
  storage,
  data: Float64Array.of(data),
});

const generate = ({ name, probes, flags, dtype, system }, seed) => ({
  header: { name, probes, flags, dtype, system },
  tensors: [
    tensor('inputs.q', seed, 'float32'),
    tensor('inputs.k', 1, 'float32'),
    tensor('inputs.v', 1, 'float32'),
    tensor('expected.o', seed),
    tensor('expected.position', 1, 'int64', [1]),
    tensor('bounds.o', 0),
  ],
});

const entries = names.map((name) => ({
  ...{ name, probe: name, probes: 'One token.', flags: [], system: 'linear', dtype: 'float32', set: 'small' },
}));
process.stdout.write('.');
for (let seed = Number(first); seed < Number(first) + Number(times); seed++) {
  const chosen = { entries, set: 'small', seed, version: 1, formats: ['json'], generate };
  await exportFixtures(folder, chosen, { replace: true });
  process.stdout.write('.');
}
