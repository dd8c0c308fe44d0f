import { mask } from '../../properties/laws/mask.ts';
import { onLaws } from './on-laws.ts';

onLaws(mask);
