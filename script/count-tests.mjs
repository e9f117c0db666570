// Adds up Vitest's json reports: which tests were skipped, each of which says why in its name, then one closing line.
import { existsSync, readFileSync } from 'node:fs'

let [passed, failed, skipped] = [0, 0, 0]
for (const file of process.argv.slice(2)) {
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { testResults: [] }
  // What comes before the first test failed.
  if (report.testResults.length === 0) {
    failed++
    console.log(`failed to run: ${file}`)
  }
  for (const { assertionResults, status, name } of report.testResults) {
    for (const test of assertionResults) {
      if (test.status === 'passed') passed++
      else if (test.status === 'failed') failed++
      else {
        skipped++
        console.log(`skipped: ${test.fullName}`)
      }
    }
    // A file that could not even be loaded has no tests that failed.
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) {
      failed++
      console.log(`failed to run: ${name}`)
    }
  }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
