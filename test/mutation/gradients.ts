import { gradients } from '../../properties/laws/gradients.ts';
import { onLaws } from './on-laws.ts';

onLaws(gradients);
