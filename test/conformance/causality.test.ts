import { conformance } from './conformance.ts';

conformance('causality');
