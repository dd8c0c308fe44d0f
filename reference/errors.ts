/** Input that no operator can answer. The message says which function, which argument, what was given, what is wanted, and the remedy. */
export class InvalidInput extends Error {
  readonly kind = 'invalid-input';
  readonly argument: string;

  constructor(where: string, argument: string, given: string, wanted: string, remedy = '') {
    super(`${where}: ${argument}: ${given} given, ${wanted} wanted${remedy === '' ? '' : `: ${remedy}`}`);
    this.name = 'InvalidInput';
    this.argument = argument;
  }
}
