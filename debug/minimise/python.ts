/** A failing case as a Python file that runs by itself or under pytest: with torch, or with numpy alone. */
import { type Tensor, toDense } from '../../reference/tensor.ts';
import type { Testable } from './outputs.ts';
import { nested, tensorsIn } from './print.ts';

export type PythonLibrary = 'torch' | 'numpy';

const WIDTH = 118;

function pythonNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** Breaks between numbers, so that a line can be read. */
function folded(text: string, indent: string): string {
  const lines: string[] = [];
  let line = '';
  for (const part of text.split(/(?<=,) /)) {
    const longer = line === '' ? part : `${line} ${part}`;
    if (longer.length + indent.length > WIDTH && line !== '') {
      lines.push(line);
      line = part;
    } else line = longer;
  }
  return [...lines, line].join(`\n${indent}`);
}

/** Names that Python cannot have or would not. */
const NAMES: Record<string, string> = { lambda: 'lambda_', initialState: 'initial_state', finalState: 'final_state' };
const pythonName = (name: string): string => NAMES[name] ?? name;
const outputName = (name: string): string =>
  name.startsWith('gradients.') ? `d${pythonName(name.slice('gradients.'.length))}` : pythonName(name);

const DTYPES: Record<PythonLibrary, Record<string, string>> = {
  torch: {
    float64: 'torch.float64',
    float32: 'torch.float32',
    tf32: 'torch.float32',
    bfloat16: 'torch.bfloat16',
    float16: 'torch.float16',
  },
  // numpy has no bfloat16; its numbers are exact in float32
  numpy: {
    float64: 'np.float64',
    float32: 'np.float32',
    tf32: 'np.float32',
    bfloat16: 'np.float32',
    float16: 'np.float16',
  },
};

const DEFINE: Record<PythonLibrary, (data: string, dtype: string) => string> = {
  torch: (data, dtype) => `torch.tensor(${data}, dtype=${dtype})`,
  numpy: (data, dtype) => `np.array(${data}, dtype=${dtype})`,
};

const IMPORT: Record<PythonLibrary, string> = { torch: 'import torch', numpy: 'import numpy as np' };

/** Sums of products with the cotangents, whose derivatives are the gradients. */
const GRADIENTS = `    # gradients of <o, do> + <final_state, dfinal_state>, by autograd of your kernel
    inputs = {name: value.clone().requires_grad_() for name, value in INPUTS.items()}
    o, final_state = kernel(**inputs, **FIELDS)
    loss = (o.double() * COTANGENTS["o"].double()).sum()
    if "final_state" in COTANGENTS:
        loss = loss + (final_state.double() * COTANGENTS["final_state"].double()).sum()
    loss.backward()
    answer = {"o": o.detach(), "final_state": None if final_state is None else final_state.detach()}
    for name, value in inputs.items():
        answer["d" + name] = torch.zeros_like(value) if value.grad is None else value.grad`;

const FORWARD = `    o, final_state = kernel(**INPUTS, **FIELDS)
    answer = {"o": o, "final_state": final_state}`;

const BY_HAND = `    # the kernel gives gradients of <o, do> + <final_state, dfinal_state> itself, by the inputs' names
    o, final_state, gradients = kernel(**INPUTS, **FIELDS, cotangents=COTANGENTS)
    answer = {"o": o, "final_state": final_state, **{"d" + name: value for name, value in gradients.items()}}`;

const COMPARE: Record<PythonLibrary, string> = {
  torch: `        actual = answer[name].detach().cpu().double()
        assert tuple(actual.shape) == tuple(expected.shape), f"{name} has shape {tuple(actual.shape)}, not {tuple(expected.shape)}"
        is_right = (actual == expected) | ((actual - expected).abs() <= bound) | (bound == inf)
        for index in (~is_right).nonzero().tolist():`,
  numpy: `        actual = np.asarray(answer[name], dtype=np.float64)
        assert actual.shape == expected.shape, f"{name} has shape {actual.shape}, not {expected.shape}"
        with np.errstate(invalid="ignore"):
            is_right = (actual == expected) | (np.abs(actual - expected) <= bound) | (bound == inf)
        for index in np.argwhere(~is_right).tolist():`,
};

function fieldLines({ c }: Testable): string {
  const { scale = 1, structure, position, cuSeqlens, chunkSize } = c;
  const fields: [string, string][] = [['scale', pythonNumber(scale)]];
  if (structure) {
    const base = structure.kind === 'weak' ? `, "base": ${structure.base}` : '';
    fields.push(['structure', `{"kind": "${structure.kind}"${base}}`]);
  }
  if (position) fields.push(['position', `[${Array.from(position).join(', ')}]`]);
  if (cuSeqlens) fields.push(['cu_seqlens', `[${Array.from(cuSeqlens).join(', ')}]`]);
  if (chunkSize !== undefined) fields.push(['chunk_size', String(chunkSize)]);
  return fields.map(([name, value]) => `    "${name}": ${value},`).join('\n');
}

/**
 * The text of a Python file. Whoever runs it says in `kernel` how theirs is called; until then it fails and says so.
 * Gradients are autograd's with torch; with numpy the kernel gives them.
 */
export function pythonTest(test: Testable, library: PythonLibrary = 'torch'): string {
  const { c, dtype, outputs, about } = test;
  const define = (value: { shape: readonly number[] }, data: ArrayLike<number>, type: string): string =>
    folded(DEFINE[library](nested(data, value.shape, pythonNumber), type), '        ');
  const own = DTYPES[library][dtype];
  const double = DTYPES[library].float64;
  const tensors = tensorsIn(c);
  const line = ([name, value]: [string, Tensor]): string =>
    `    "${pythonName(name)}": ${define(value, toDense(value), own)},`;
  const cotangents = tensors
    .filter(([name]) => name.startsWith('cotangents.'))
    .map(([name, value]): [string, Tensor] => [name.slice('cotangents.'.length), value]);
  const inputs = tensors.filter(([name]) => !name.startsWith('cotangents.'));
  const wanted = outputs.map(
    ({ name, shape, expected, bound }) =>
      `    "${outputName(name)}": (\n        ${define({ shape }, expected, double)},\n        ${define({ shape }, bound, double)},\n    ),`,
  );
  const byHand = cotangents.length > 0 && library === 'numpy';
  const parameters = [...inputs.map(([name]) => pythonName(name)), '**fields'];
  const run = cotangents.length === 0 ? FORWARD : byHand ? BY_HAND : GRADIENTS;
  const returns = byHand ? 'o, final_state (or None), {"q": gradient, …}' : 'o, final_state (or None)';
  return `${about.map((each) => `# ${each}`.trimEnd()).join('\n')}
"""Shapes: q, k [B,T,G,K]; v [B,T,H,V]; g [B,T,H], [B,T,H,K] or [H], the log of the decay; beta [B,T,H]; lambda_ [B,T,H,L];
initial_state, final_state [n,H,L,K,V]. Run it by itself or under pytest.
"""
from math import inf, nan  # noqa: F401 (some cases have them)

${IMPORT[library]}


def kernel(${parameters.join(', ')}):
    """Call yours here, and return ${returns}. In \`fields\`: ${fieldNames(test, byHand)}."""
    raise NotImplementedError("say in kernel() how yours is called")


INPUTS = {
${inputs.map(line).join('\n')}
}
FIELDS = {
${fieldLines(test)}
}
${cotangents.length === 0 ? '' : `COTANGENTS = {\n${cotangents.map(line).join('\n')}\n}\n`}# what is right, and how far off each number may be in ${dtype}
EXPECTED = {
${wanted.join('\n')}
}


def test_${c.system.replaceAll('-', '_')}():
${run}
    wrong = []
    for name, (expected, bound) in EXPECTED.items():
        if name == "final_state" and answer[name] is None:
            continue
${COMPARE[library]}
            place = tuple(index)
            a, e, b = float(actual[place]), float(expected[place]), float(bound[place])
            wrong.append(f"{name}{index} is {a}, where {e} is wanted, within {b}")
    assert not wrong, "\\n".join(wrong)


if __name__ == "__main__":
    test_${c.system.replaceAll('-', '_')}()
    print("within its bounds")
`;
}

const fieldNames = (test: Testable, byHand: boolean): string =>
  [...fieldLines(test).matchAll(/"(\w+)": /gm)]
    .map(([, name]) => name)
    .filter((name) => name !== 'kind' && name !== 'base')
    .concat(byHand ? ['cotangents'] : [])
    .join(', ');
