// Prints `N passed, N failed` from jest's --json file. A spec file that could not even be run is one failure.
import { readFileSync } from 'node:fs';

const text = readFileSync(process.argv[2], 'utf8');
if (text === '') process.exit(1);
const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(text);
console.log(`${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed`);
