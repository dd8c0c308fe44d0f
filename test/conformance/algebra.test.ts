import { conformance } from './conformance.ts';

conformance('algebra');
