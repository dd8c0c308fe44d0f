import { equivalence } from '../../properties/laws/equivalence.ts';
import { onLaws } from './on-laws.ts';

onLaws(equivalence);
