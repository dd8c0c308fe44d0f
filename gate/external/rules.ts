/** The sentences of docs/protocol.md that faults are explained with; a test finds each of them in its section of the page. */

export interface Rule {
  section: string;
  /** As the page has it. */
  says: string;
  /** How to keep to it. */
  mend: string;
}

const LINES = 'Two descriptors, and lines of JSON';
const DESCRIBES = 'The gate asks what the program can do';
const ASKS = 'The gate asks for an answer';
const BREAKS = 'What breaks the protocol';

const rule = (section: string, says: string, mend: string): Rule => ({ section, says, mend });

/** The row of the page's table about a field of the description. */
export const ruleOfField = (name: string, meaning: string): Rule =>
  rule(
    DESCRIBES,
    `| ${name} | ${meaning} |`,
    `Give ${name} a value of this kind, or leave it out where it has a default.`,
  );

export const rules = {
  line: rule(
    LINES,
    'A **message** is one line of JSON in UTF-8, an object, ended by one line feed (0x0A) and at most 1 MiB long',
    'Write one object and a line feed to file descriptor 4, and nothing else there: prints belong on standard output. JSON has no NaN and no Infinity.',
  ),
  flush: rule(
    LINES,
    'The whole message has to leave the program: one that writes through a buffer flushes it.',
    'Flush file descriptor 4 after the last byte of a message, and look whether the line feed and all tensors are written.',
  ),
  type: rule(
    LINES,
    'Its field `type` says which message it is.',
    'Answer describe with a description, and a case with an answer or an error.',
  ),
  between: rule(
    LINES,
    'There is nothing between messages.',
    'Write as many bytes behind the line as the shapes and dtypes of `tensors` say, no line feed after them, and one message for each of the gate’s.',
  ),
  header: rule(
    LINES,
    'A tensor of the list has these three fields, `name`, `dtype` and `shape`',
    'Write {"name": …, "dtype": …, "shape": […]} for each tensor, sizes being integers of 0 or more.',
  ),
  dtype: rule(
    LINES,
    '`dtype` is `float64`, `float32`, `float16` (IEEE 754 binary16) or `bfloat16` (the upper half of a float32)',
    'Convert the tensor to one of these four and name that one; tf32 tensors are float32.',
  ),
  bytes: rule(
    LINES,
    'So a tensor has as many bytes as the product of `shape` times that',
    'Write all the numbers of each tensor, in the dtype that its header names and in the order of the list.',
  ),
  required: rule(DESCRIBES, '| field | meaning | default |', 'Fields whose default is “required” have to be there.'),
  version: rule(DESCRIBES, "| version | one of the gate's versions | required |", 'Say "version": 1.'),
  limits: rule(
    DESCRIBES,
    '`limits` has an object for any of the sizes `B`, `T`, `H`, `G`, `K`, `V`, with any of `min`',
    'Use these letters and these four fields only.',
  ),
  again: rule(
    DESCRIBES,
    'A program that had to be started again describes itself as it did the first time.',
    'Let the description follow from the program alone, not from what is free or has happened.',
  ),
  id: rule(ASKS, '`id` is an integer that the answer repeats', 'Copy id from the case that is answered.'),
  o: rule(ASKS, '| o | [B, T, H, V] | always |', 'Give o the shape of v.'),
  finalState: rule(
    ASKS,
    '| finalState | [n, H, L, K, V] | where the description says `state`, except for softmax; L is 1 in a flat system |',
    'n is B or the number of packed sequences, L the last size of lambda; K comes before V.',
  ),
  gradients: rule(
    ASKS,
    '| gradients.NAME | that of the input NAME | where the case has cotangents: one for each input, initialState among them |',
    'Answer one gradient for each tensor of the case that is no cotangent, of the same shape.',
  ),
  nothingElse: rule(
    ASKS,
    'Nothing else may be in the list, and nothing may be left out.',
    'Answer o always, gradients only where the case has cotangents, finalState only where the description says state.',
  ),
  error: rule(
    ASKS,
    'A program that cannot answer one case says `{"type": "error", "id": 7, "message": "K is too large"}`, without tensors, and goes on',
    'Say type, id and message, a text of at most 65,536 characters, and nothing else.',
  ),
  bye: rule(
    'The gate says good-bye',
    'The program ends within two seconds, or is killed',
    'End when a message of type bye comes, and when there is nothing more to read.',
  ),
  ends: rule(
    BREAKS,
    'So it is with a program that ends, or that does not answer in time',
    'Catch what goes wrong with one case, answer it with an error message, and read the next one.',
  ),
  tooLarge: rule(
    BREAKS,
    'more than 32 tensors or 8 axes, a chunk size above 32,768, or 2 GiB of tensors',
    'Look at the shapes of the tensors that are announced.',
  ),
  passOver: rule(
    'Versions',
    "Fields may be added to the gate's messages: programs pass over what they do not know.",
    'Take the fields that are needed out of a message and out of its case, and look at no others.',
  ),
  fields: rule('Versions', 'Programs may not add fields of their own.', 'Leave the field out, or correct its name.'),
} as const satisfies Record<string, Rule>;
