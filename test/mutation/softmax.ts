import { softmax } from '../../properties/laws/softmax.ts';
import { onLaws } from './on-laws.ts';

onLaws(softmax);
