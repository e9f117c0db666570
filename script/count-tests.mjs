// Adds up Vitest's json reports: which tests failed and with what, which were skipped, each of which says why in its
// name, then one closing line. What failed thousands of lines above is named here again: the end is what people read.
import { existsSync, readFileSync } from 'node:fs'

let [passed, failed, skipped] = [0, 0, 0]
for (const file of process.argv.slice(2)) {
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { testResults: [] }
  // What comes before the first test failed.
  if (report.testResults.length === 0) {
    failed++
    console.log(`failed to run: ${file}`)
  }
  for (const { assertionResults, status, name, message } of report.testResults) {
    for (const test of assertionResults) {
      if (test.status === 'passed') passed++
      else if (test.status === 'failed') {
        failed++
        console.log(`failed: ${test.fullName} (${name})`)
        for (const failure of test.failureMessages) console.log(failure.replaceAll(/^/gm, '    '))
      } else {
        skipped++
        console.log(`skipped: ${test.fullName}`)
      }
    }
    // A file that could not even be loaded has no tests that failed.
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) {
      failed++
      console.log(`failed to run: ${name}`)
      if (message) console.log(message.replaceAll(/^/gm, '    '))
    }
  }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
