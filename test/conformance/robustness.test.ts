import { conformance } from './conformance.ts';

conformance('robustness');
