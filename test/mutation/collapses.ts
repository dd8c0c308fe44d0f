import { collapsing } from '../../properties/laws/collapses.ts';
import { onLaws } from './on-laws.ts';

onLaws(collapsing);
