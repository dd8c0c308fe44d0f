/** The page: opens a device, says which one really runs, and hands it to the three parts. */
import './style.css';
import { type Backend, BROWSER_BACKENDS } from '../gpu/device.ts';
import { Engine } from './engine.ts';
import { createLawsView } from './laws-view.ts';
import { createMaskView } from './mask-view.ts';
import type { Opened } from './messages.ts';
import { mutants } from './mutants.ts';
import { element, fillOptions } from './page.ts';
import { createTimesView } from './times-view.ts';

const NAMES: Partial<Record<Backend, string>> = { webgpu: 'WebGPU', webgl2: 'WebGL2', webasm: 'WebAssembly' };
const FIRST_SYSTEM = 'log-linear-mamba2';

const backend = element('backend', HTMLSelectElement);
const system = element('system', HTMLSelectElement);
const mutant = element('mutant', HTMLSelectElement);
const status = element('status', HTMLParagraphElement);

const nameOf = (each: Backend): string => NAMES[each] ?? each;

const wanted = new URLSearchParams(location.search);
const laws = createLawsView(() => times.stop(), wanted.get('laws')?.split(','));
const times = createTimesView(() => laws.stop());
const mask = createMaskView();
let engine: Engine | null = null;

/** What runs, and why what was asked for does not. */
function describe({ backend: opened, adapter, refused }: Opened): string {
  const bug = mutants.find(({ name }) => name === mutant.value)?.bug;
  return [
    ...refused.map((each) => `${nameOf(each.backend)} does not run here: ${each.reason}.`),
    `Runs on ${nameOf(opened)}${adapter === nameOf(opened) ? '' : `: ${adapter}`}.`,
    ...(bug ? [`A kernel is wrong on purpose: ${bug}.`] : []),
  ].join(' ');
}

function attach(): void {
  if (!engine) return;
  laws.attach(engine, system.value);
  times.attach(engine, system.value);
  mask.attach(engine, system.value);
}

/** Opens the chosen backend, or the first after it that runs. */
async function open(): Promise<void> {
  status.textContent = 'Opening a device …';
  status.className = '';
  document.body.removeAttribute('data-backend');
  engine?.close();
  const opening = new Engine();
  engine = opening;
  const first = BROWSER_BACKENDS.indexOf(backend.value as (typeof BROWSER_BACKENDS)[number]);
  const backends = [...BROWSER_BACKENDS.slice(first), ...BROWSER_BACKENDS.slice(0, first)];
  try {
    const opened = await opening.call('open', { backends, mutant: mutant.value });
    if (engine !== opening) return;
    backend.value = opened.backend;
    const chosen = system.value || FIRST_SYSTEM;
    const lifted = opened.systems.filter(({ name }) => name.startsWith('log-linear'));
    const flat = opened.systems.filter(({ name }) => !name.startsWith('log-linear'));
    fillOptions(
      system,
      [...lifted, ...flat].map(({ name, title }) => [name, title]),
    );
    system.value = chosen;
    system.disabled = false;
    status.textContent = describe(opened);
    status.classList.toggle('broken', mutant.value !== '');
    document.body.dataset.backend = opened.backend;
    attach();
  } catch (error) {
    if (engine === opening) status.textContent = `✗ Nothing runs here: ${(error as Error).message}`;
  }
}

fillOptions(
  backend,
  BROWSER_BACKENDS.map((each) => [each, nameOf(each)]),
);
fillOptions(mutant, [['', 'as they are'], ...mutants.map(({ name }): [string, string] => [name, `wrong: ${name}`])]);
if (BROWSER_BACKENDS.some((each) => each === wanted.get('backend'))) backend.value = wanted.get('backend') as string;
if (mutants.some(({ name }) => name === wanted.get('kernels'))) mutant.value = wanted.get('kernels') as string;
backend.addEventListener('change', open);
mutant.addEventListener('change', open);
system.addEventListener('change', attach);
open();
