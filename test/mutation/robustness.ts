import { robustness } from '../../properties/laws/robustness.ts';
import { onLaws } from './on-laws.ts';

onLaws(robustness);
