/** Validation of parameters, before they become the operator's inputs: each tensor against its letters, one size for each letter. */
import { InvalidInput } from '../errors.ts';
import { checkFields } from '../shapes.ts';
import { brief, checkTensor, show, type Tensor } from '../tensor.ts';

/** The argument's name, its value, and a letter for each axis, e.g. ['dt', dt, 'BTH']. */
export type Declaration = readonly [argument: string, value: Tensor | undefined, letters: string];

/**
 * Sizes by letter. The first tensor that has a letter fixes its size, and every later one has to agree. Only T may be 0.
 * @throws InvalidInput for what is not a tensor, has another rank, disagrees on a letter, or is empty along an axis other than T
 */
export function checkLetters(where: string, declarations: readonly Declaration[]): Record<string, number> {
  const sizes: Record<string, number> = {};
  const origin: Record<string, string> = {};
  for (const [argument, value, letters] of declarations) {
    checkTensor(where, argument, value);
    const { shape } = value;
    const axes = [...letters];
    const wanted = `${show(axes)} = ${show(axes.map((letter) => sizes[letter] ?? letter))}`;
    if (shape.length !== axes.length) {
      throw new InvalidInput(where, argument, `rank ${shape.length}, shape ${show(shape)}`, wanted);
    }
    axes.forEach((letter, axis) => {
      if (shape[axis] < 1 && letter !== 'T') {
        throw new InvalidInput(where, argument, `${letter} = ${shape[axis]}`, `${letter} >= 1`, 'only T may be 0');
      }
      sizes[letter] ??= shape[axis];
      origin[letter] ??= argument;
      if (sizes[letter] !== shape[axis]) {
        const remedy = `${letter} = ${sizes[letter]} in ${origin[letter]}`;
        throw new InvalidInput(where, argument, `shape ${show(shape)}`, wanted, remedy);
      }
    });
  }
  return sizes;
}

/**
 * An object with nothing but the known fields, so that a misspelt option is not silently left out.
 * @throws InvalidInput in the name of the field that is unknown, or of the argument that is no object
 */
export function checkObject(where: string, argument: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null) {
    throw new InvalidInput(where, argument, brief(value), `an object with ${known.join(', ')}`);
  }
  checkFields(where, value, known);
}
