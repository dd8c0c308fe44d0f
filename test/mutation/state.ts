import { state } from '../../properties/laws/state.ts';
import { onLaws } from './on-laws.ts';

onLaws(state);
