/** Condition of softmax attention: its formulas on absolute values, each weight with the relative error of its score. */
import type { Case } from '../reference/case.ts';
import type { InputName } from '../reference/systems/system.ts';
import { type Tensor, toDense } from '../reference/tensor.ts';
import { sizesOf } from './edit.ts';

/** One number for each element of an answer, flat and row-major. */
export interface ByElement {
  o: Float64Array;
  finalState: Float64Array;
  gradients: Partial<Record<InputName, Float64Array>>;
}

export function softmaxCondition(c: Case): ByElement {
  const { B, T, G, H, K, V } = sizesOf(c);
  const scale = c.scale ?? 1;
  const q = toDense(c.inputs.q as Tensor);
  const k = toDense(c.inputs.k as Tensor);
  const v = toDense(c.inputs.v as Tensor);
  const dO = c.cotangents ? toDense(c.cotangents.o) : new Float64Array(B * T * H * V);
  const starts = c.cuSeqlens ?? [0, T];
  const o = new Float64Array(B * T * H * V);
  const dq = new Float64Array(q.length);
  const dk = new Float64Array(k.length);
  const dv = new Float64Array(v.length);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const group = Math.floor((h * G) / H);
      const qk = (t: number): number => ((b * T + t) * G + group) * K;
      const vo = (t: number): number => ((b * T + t) * H + h) * V;
      for (let t = 0; t < T; t++) {
        const first = starts.reduce((last, start) => (start <= t ? Math.max(last, start) : last), 0);
        const row = Array.from({ length: t - first + 1 }, (_, i) => {
          let score = 0;
          let size = 0;
          let dP = 0;
          let dPSize = 0;
          for (let j = 0; j < K; j++) {
            const product = scale * q[qk(t) + j] * k[qk(first + i) + j];
            score += product;
            size += Math.abs(product);
          }
          for (let j = 0; j < V; j++) {
            const product = dO[vo(t) + j] * v[vo(first + i) + j];
            dP += product;
            dPSize += Math.abs(product);
          }
          return { score, size, dP, dPSize };
        });
        const largest = Math.max(...row.map(({ score }) => score));
        const total = row.reduce((sum, { score }) => sum + Math.exp(score - largest), 0);
        const weights = row.map(({ score }) => Math.exp(score - largest) / total);
        // scores that are off by `exponent` roundings move weight from one key to another: the sum of the weights stays 1, so what
        // they are multiplied with counts by its distance from the mean
        const exponent = row.reduce((most, { size, score }) => Math.max(most, size + Math.abs(score - largest)), 0);
        const meanOf = (values: readonly number[]): number =>
          values.reduce((sum, value, i) => sum + weights[i] * value, 0);
        const spreadOf = (values: readonly number[]): number[] => {
          const mean = meanOf(values);
          return values.map((value) => Math.abs(value - mean));
        };
        const dPs = row.map(({ dP }) => dP);
        const [dPSpread, dPSize] = [spreadOf(dPs), meanOf(row.map((each) => each.dPSize))];
        const dPMoved = meanOf(dPSpread);
        for (let j = 0; j < V; j++) {
          const values = weights.map((_, i) => v[vo(first + i) + j]);
          o[vo(t) + j] += meanOf(values.map(Math.abs)) + 2 * exponent * meanOf(spreadOf(values));
        }
        weights.forEach((weight, i) => {
          const dA = Math.abs(scale) * weight * (row[i].dPSize + dPSize + 2 * exponent * (dPSpread[i] + dPMoved));
          for (let j = 0; j < V; j++) {
            dv[vo(first + i) + j] += weight * (1 + 2 * exponent * (1 - weight)) * Math.abs(dO[vo(t) + j]);
          }
          for (let j = 0; j < K; j++) {
            dq[qk(t) + j] += dA * Math.abs(k[qk(first + i) + j]);
            dk[qk(first + i) + j] += dA * Math.abs(q[qk(t) + j]);
          }
        });
      }
    }
  }
  return { o, finalState: new Float64Array(0), gradients: c.cotangents ? { q: dq, k: dk, v: dv } : {} };
}
