// A worked example: this package's own chunked form behind the protocol. Run it with: npx lla gate -- node adapters/node/example.mjs
import ndarray from 'ndarray';
import { compute, systems } from '../../dist/index.js';
import { serve } from './lla-adapter.mjs';

const everything = {
  gradients: true,
  state: true,
  packed: true,
  groups: true,
  resets: true,
  growth: true,
  strongBeta: true,
};
const names = systems.filter(({ recurrence }) => recurrence !== null).map(({ name }) => name);

serve(
  { name: 'our chunked form', systems: names, dtypes: ['float64'], ...everything },
  // these fields and no others: the gate may have more to say one day
  ({ system, scale, structure, position, cuSeqlens, chunkSize, inputs, cotangents }) => {
    const c = { system, scale, structure, position, cuSeqlens, chunkSize };
    const dense = ({ data, shape }) => ndarray(data, shape);
    const all = (tensors) =>
      Object.fromEntries(
        Object.entries(tensors)
          .filter(([, value]) => value)
          .map(([name, value]) => [name, dense(value)]),
      );
    return compute({ ...c, form: 'chunked', inputs: all(inputs), cotangents: cotangents && all(cotangents) });
  },
);
