import { conformance } from './conformance.ts';

conformance('gradients');
