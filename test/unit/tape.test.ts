import { expect, it } from 'vitest';
import { float64 } from '../../reference/arithmetic.ts';
import { createTape } from '../../reference/tape.ts';

it('an output that is an input has the weight as its derivative', () => {
  const { input, gradients } = createTape(float64);
  const [x, y] = [input(3), input(5)];
  expect(
    gradients([
      { output: x, weight: 7 },
      { output: y, weight: 11 },
      { output: x, weight: 13 },
    ]),
  ).toEqual([20, 11]);
});

it('what is made of constants is a constant: it takes no place on the tape', () => {
  const { arithmetic: a, input, gradients } = createTape(float64);
  const x = input(3);
  const constant = a.exp(a.div(a.sub(a.of(1), a.of(1)), a.add(a.of(1), a.mul(a.of(2), a.of(3)))));
  expect(constant).toEqual({ value: 1, id: -1 });
  const y = a.mul(x, constant);
  expect(y).toEqual({ value: 3, id: 1 });
  expect(
    gradients([
      { output: constant, weight: 1 },
      { output: y, weight: 2 },
    ]),
  ).toEqual([2, 2]);
});
