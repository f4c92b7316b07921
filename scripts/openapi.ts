// Writes docs/openapi.json again, after a change of routes or schemas: node scripts/run.js scripts/openapi.ts
import { writeFileSync } from 'node:fs';
import { openApiText } from './openapi-document.ts';

writeFileSync('docs/openapi.json', openApiText());
