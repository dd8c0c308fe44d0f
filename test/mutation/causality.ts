import { causality } from '../../properties/laws/causality.ts';
import { onLaws } from './on-laws.ts';

onLaws(causality);
