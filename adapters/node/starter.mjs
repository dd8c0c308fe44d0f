// My kernel under the laws of log-linear attention:
//
//   npx lla gate -- node my-kernel.mjs
//
// It passes as it is: plain loops for linear attention and log-linear Mamba-2. Put your kernel where it says EDIT.
import { serve } from './lla-adapter.mjs';

/** Which level query t reads position s <= t from: the bit length of t xor s; 0 is t itself. */
const level = (t, s) => 32 - Math.clz32(t ^ s);

// EDIT 1: call your kernel here. In come the tensors of the case, out goes o [B,T,H,V].
function forward({ scale = 1, inputs: { q, k, v, g, lambda } }) {
  const [B, T, H, V] = v.shape;
  const K = k.shape[3];
  const L = lambda?.shape[3];
  const o = new Float32Array(v.data.length);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let t = 0; t < T; t++) {
        // row of token t of head h in [B,T,H,…]; q and k have as many heads, until EDIT 2 says groups
        const row = (b * T + t) * H + h;
        let logDecay = 0;
        for (let s = t; s >= 0; s--) {
          const from = (b * T + s) * H + h;
          let weight = 0;
          for (let i = 0; i < K; i++) weight += q.data[row * K + i] * k.data[from * K + i];
          // decayed by g_{s+1} + … + g_t
          weight *= scale * Math.exp(logDecay) * (lambda ? lambda.data[row * L + level(t, s)] : 1);
          for (let j = 0; j < V; j++) o[row * V + j] += weight * v.data[from * V + j];
          if (g) logDecay += g.data[from];
        }
      }
    }
  }
  return { o: { shape: v.shape, data: o } };
}

// EDIT 2: what your kernel is and can do; only that is asked for.
serve(
  {
    name: 'my kernel',
    systems: ['linear', 'log-linear-mamba2'], // as `npx lla systems` lists them
    dtypes: ['float32'], // float64, float32, tf32, bfloat16, float16
    // gradients: true,               the answer has gradients where the case has cotangents
    // state: true,                   initial and final states
    // packed: true,                  sequences packed into one row
    // groups: true,                  fewer heads of q and k than of v
    // resets: true, growth: true,    log decays of -Infinity; positive ones
    // limits: { K: { multipleOf: 16 } },
  },
  forward,
);
