import { linearity } from '../../properties/laws/linearity.ts';
import { onLaws } from './on-laws.ts';

onLaws(linearity);
