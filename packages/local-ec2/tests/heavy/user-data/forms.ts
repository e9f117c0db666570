/** The forms that user-data has: what cloud-init itself takes apart, and what of that is to be found again. */
import { gzipSync } from 'node:zlib'

const base64 = (content: string | Uint8Array): string => Buffer.from(content).toString('base64')

const script = '#!/bin/sh\necho hi\n'
const config = '#cloud-config\na: 1\n'

/** One part: its header lines, and its body. */
const part = (headers: string, body: string): string => `${headers}\n\n${body}\n`

const type = (name: string, body: string, ...more: string[]): string =>
  part([`Content-Type: ${name}`, ...more].join('\n'), body)

const transfer = (encoding: string): string => `Content-Transfer-Encoding: ${encoding}`
const name = (header: string): string => `Content-Disposition: attachment; ${header}`

const message = (...parts: string[]): string => within('b', parts)

function within(boundary: string, parts: readonly string[], given = `"${boundary}"`): string {
  const bodies = parts.map((each) => `--${boundary}\n${each}`)
  return `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=${given}\n\n${bodies.join('')}--${boundary}--\n`
}

const configs = (...texts: string[]): string =>
  message(...texts.map((text) => type('text/cloud-config', `#cloud-config\n${text}`)))

const yaml = (text: string): string => `#cloud-config\n${text}`

export const forms: Record<string, string | Uint8Array> = {
  // Whole.
  'a script': script,
  'a script without an end of line': '#!/bin/sh\necho hi',
  'a script of another system': '#!/bin/sh\r\necho hi\r\n',
  'a script of which one line is of another system': '#!/bin/sh\necho hi\r\n',
  'a script after blank lines': `\n\n  ${script}`,
  'a script beyond ASCII': '#!/bin/sh\necho ö →\n',
  'a script in Latin-1': Buffer.from('#!/bin/sh\necho ö\n', 'latin1'),
  'a boothook': '#cloud-boothook\n#!/bin/sh\necho hi\n',
  'a boothook of another system': '#cloud-boothook\r\n#!/bin/sh\r\necho hi\r\n',
  'a boothook with more on its first line': '#cloud-boothook x\n#!/bin/sh\necho hi\n',
  'a boothook after a blank line': '\n#cloud-boothook\n#!/bin/sh\necho hi\n',
  'a boothook in capitals': '#CLOUD-BOOTHOOK\n#!/bin/sh\necho hi\n',
  'a cloud-config': config,
  'a cloud-config with more on its first line': '#cloud-config # mine\na: 1\n',
  'a cloud-config in capitals': '#Cloud-Config\na: 1\n',
  'a cloud-config of another system': '#cloud-config\r\na: |\r\n  b\r\n  c\r\n',
  'an empty cloud-config': '#cloud-config\n',
  'no format': 'hello\n',
  'bytes of no format': Uint8Array.from([0, 1, 2, 0xff]),
  'a program': Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0xff]),
  'a byte order mark': `\u{FEFF}${config}`,
  gzip: gzipSync(config),
  'gzip around gzip': gzipSync(gzipSync(config)),
  'a cut gzip': gzipSync(config).subarray(0, 15),
  'gzip around MIME': gzipSync(message(type('text/cloud-config', config))),
  jinja: '## template: jinja\n#cloud-config\na: {{ v1.region }}\n',
  'an archive': `#cloud-config-archive
- type: text/x-shellscript
  filename: b
  content: |
    #!/bin/sh
    echo ö
- "#cloud-config\\na: 1\\n"
- content: |
    #cloud-boothook
    #!/bin/sh
- content: "b: 2"
- {type: text/plain, content: "#!/bin/sh"}
`,
  'an archive that is none': '#cloud-config-archive\na: 1\n',
  // MIME.
  'parts of each type': message(
    type('text/x-shellscript', script),
    type('text/cloud-config', config),
    type('text/cloud-boothook', `#cloud-boothook\n${script}`),
    type('text/x-shellscript-per-boot', script, name('filename="boot"')),
    type('text/x-shellscript-per-instance', script, name('filename="instance"')),
    type('text/x-shellscript-per-once', script, name('filename="once"')),
  ),
  'parts without a type': message(part('X: y', script), part('X: y', config)),
  'plain text': message(type('text/plain', script), type('text/plain; charset="utf-8"', config)),
  'a part without headers': message(`\n${script}`),
  'a part that is nothing but headers': message('Content-Type: text/x-shellscript\n'),
  'types that say something else than their content': message(
    type('text/x-shellscript', config),
    type('text/cloud-config', script),
    type('text/cloud-boothook', script),
    type('text/x-shellscript', 'echo hi'),
  ),
  'types in capitals, and unknown ones': message(
    type('TEXT/X-ShellScript', script),
    type('application/octet-stream', script),
    type('text/html', script),
    type('nonsense', script),
    type('text/upstart-job', script),
    type('text/part-handler', '#part-handler\n'),
    type('text/x-shellscript', script),
  ),
  'letters beyond ASCII': message(
    type('text/x-shellscript; charset="utf-8"', '#!/bin/sh\necho ö', transfer('8bit')),
    type('text/x-shellscript', '#!/bin/sh\necho → 😀'),
    type('text/cloud-config', '#cloud-config\na: "→ 😀"'),
    type('text/cloud-config', '#cloud-config\nb: ö'),
    type('text/x-shellscript', base64('#!/bin/sh\necho ö →\n'), transfer('base64')),
  ),
  'Latin-1': Buffer.from(message(type('text/x-shellscript', '#!/bin/sh\necho ö')), 'latin1'),
  'base64 in lines, and in none': message(
    type('text/x-shellscript', base64(script).replaceAll(/.{8}/g, '$&\n'), transfer('base64')),
    type('text/x-shellscript', base64(script), transfer('BASE64')),
    type('text/x-shellscript', base64(script).replaceAll('=', ''), transfer('base64')),
  ),
  'quoted-printable': message(
    type('text/x-shellscript', '#!/bin/sh\necho =C3=B6 a=\nb =3D=\n', transfer('quoted-printable')),
  ),
  'an encoding that is not known': message(type('text/x-shellscript', script, transfer('x-none'))),
  'gzip in a part': message(
    type('application/x-gzip', base64(gzipSync(config)), transfer('base64')),
    type('application/gzip', base64(gzipSync(script)), transfer('base64'), name('filename="z"')),
  ),
  'gzip in a part that does not say so': message(
    type('text/cloud-config', base64(gzipSync(config)), transfer('base64')),
    type('text/x-shellscript', base64(gzipSync(script)), transfer('base64')),
    type('text/plain', base64(gzipSync(script)), transfer('base64')),
  ),
  'a broken gzip in a part': message(
    type('application/gzip', base64('no gzip'), transfer('base64')),
    type('text/x-shellscript', script),
  ),
  'a program in a part': message(
    type(
      'text/x-shellscript',
      base64(Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 0xff])),
      transfer('base64'),
    ),
  ),
  'an archive in a part': message(
    type('text/cloud-config-archive', '#cloud-config-archive\n- "#!/bin/sh"\n- "a: 1"\n'),
    type('text/x-shellscript', script),
  ),
  'multipart in multipart': within('out er', [
    type('text/x-shellscript', '#!/bin/sh\nfirst'),
    within('inner', [
      type('text/x-shellscript', '#!/bin/sh\nsecond'),
      type('text/cloud-config', config),
    ]),
    type('text/x-shellscript', '#!/bin/sh\nthird'),
  ]),
  'an inner boundary that is never closed': within('o', [
    'Content-Type: multipart/mixed; boundary=i\n\n--i\nContent-Type: text/x-shellscript\n\n#!/bin/sh\ninner\n',
    type('text/x-shellscript', '#!/bin/sh\nouter'),
  ]),
  'a message in a part': message(
    part('Content-Type: message/rfc822', type('text/x-shellscript', '#!/bin/sh\ninner')),
    type('text/x-shellscript', '#!/bin/sh\nouter'),
  ),
  'a boundary without quotes': within('a.b+c', [type('text/x-shellscript', script)], 'a.b+c'),
  'a boundary with a quote and blanks': within(
    'a b"c',
    [type('text/x-shellscript', script)],
    String.raw`"a b\"c  "; x=y`,
  ),
  'a boundary that begins another': within('b', [
    type('text/x-shellscript', `${script}--bb\n-- b\n --b\n`),
  ]),
  'a boundary that is not said': `MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--b\n${type('text/x-shellscript', script)}--b--\n`,
  'a boundary that does not occur': `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n${script}`,
  'a boundary that is not closed': message(type('text/x-shellscript', script)).replace(
    '--b--\n',
    '',
  ),
  'text around the parts': message(type('text/x-shellscript', script))
    .replace('\n\n--b', '\n\n#!/bin/sh\npreamble\n--b')
    .concat(type('text/x-shellscript', '#!/bin/sh\nepilogue')),
  'blanks after the boundary, and two in a row': message(
    type('text/x-shellscript', script),
  ).replace('--b\n', '--b\n--b \t\n'),
  'lines that end as in mail': message(
    type('text/x-shellscript', script),
    type('text/cloud-config', config),
  ).replaceAll('\n', '\r\n'),
  'lines that end as on an old Mac': message(type('text/x-shellscript', script)).replaceAll(
    '\n',
    '\r',
  ),
  'MIME that is one part': `MIME-Version: 1.0\n${type('text/x-shellscript', script)}`,
  'MIME that says it late': `Content-Type: multipart/mixed; boundary=b\nmime-version: 1.0\n\n--b\n${type('text/x-shellscript', script)}--b--`,
  'a script that speaks of MIME': '#!/bin/sh\n# MIME-Version: 1.0\necho hi\n',
  'a header in lines': message(
    part('Content-Type: text/x-shellscript;\n charset="utf-8";\n\tname="folded"', script),
    part(`Content-Type: text/x-shellscript\n${name('\n filename="also"')}`, script),
  ),
  'a header twice': message(
    part('Content-Type: text/x-shellscript\nContent-Type: text/cloud-config', script),
  ),
  'a header that is none': message(part('Content-Type: text/x-shellscript\nno header', script)),
  names: message(
    type('text/x-shellscript; name="from type"', script),
    type('text/x-shellscript; name="a"', script, name('filename="b"')),
    type('text/x-shellscript', script, name('filename="../../etc/pass wd (1).sh"')),
    type('text/x-shellscript', script, name('filename=plain')),
    type('text/x-shellscript', script, name("filename*=utf-8''%C3%B6x%20y.sh")),
    type('text/x-shellscript', script, name('filename*0="con"; filename*1="tinued"')),
    type('text/x-shellscript', script, name('filename="a;b\\"c"; x=y')),
    type('text/x-shellscript', script, name('filename=""')),
    type('text/x-shellscript', script),
  ),
  'one name twice': message(
    type('text/x-shellscript; name="a"', '#!/bin/sh\nfirst'),
    type('text/x-shellscript; name="a"', '#!/bin/sh\nsecond'),
    type('text/cloud-boothook; name="a"', '#!/bin/sh\nhook'),
  ),
  'nothing but MIME': 'MIME-Version: 1.0\n',
  'no part': message(),
  // YAML.
  'words for yes and no': yaml(
    'a: [yes, no, on, off, true, false, Yes, NO, y, n, Y, N, "yes", null, ~, NULL, ]\n',
  ),
  numbers: yaml(
    'a: [0644, 0o644, 644, 0x1F, 0b11, 1_000, 1:30, -5, +5, 1.5, .5, 1e3, 08, 1., 0.1e+2]\n',
  ),
  dates: yaml('a: [2001-01-01, 2001-1-1]\n'),
  'a key twice': yaml('a: 1\nb: {c: 1, c: 2}\na: 2\n'),
  'keys that are no texts': yaml('2: a\nyes: b\n'),
  'a binary': yaml('a: !!binary aGk=\n'),
  anchors: yaml('a: &x {b: 1}\nc: {<<: *x, d: 2}\ne: *x\n'),
  'texts of many lines': yaml('a: |\n  b\n   c\n\nd: >-\n  e\n  f\ng: |+\n  h\n\n'),
  'a tag that is not known': yaml('a: !x 1\n'),
  'a tab': yaml('a:\n\t- b\n'),
  'a list': yaml('- a\n'),
  'a text': yaml('hello\n'),
  broken: yaml('a: [b\n'),
  'two documents': yaml('a: 1\n---\nb: 2\n'),
  'a document with its marks': '#cloud-config\n---\na: 1\n...\n',
  JSON: yaml('{"a": [1, "b", true, null], "c": {"d": "\\u00f6"}}\n'),
  'a text that a colon breaks': yaml('runcmd:\n  - echo a: b\n'),
  'a reserved letter': yaml('a: @b\n'),
  'a percent sign': yaml('a: %b\n'),
  // More than one.
  'a later key': configs('a: [1]\nb: {x: 1}\nc: d', 'a: [2]\nb: {y: 2}'),
  'one of them broken': configs('a: 1', 'b: [', '- c', 'd: 4'),
  'merged by a list': configs(
    'a: [1]\nb: {x: 1, l: [1]}\nc: d\ne: f',
    'merge_how:\n - {name: list, settings: [append]}\n - {name: dict, settings: [no_replace, recurse_list]}\n - {name: str, settings: [append]}\na: [2]\nb: {y: 2, x: 3, l: [2]}\nc: z\ne: null',
  ),
  'merged by a text': configs(
    'a: [1]\nb: {x: 1}\nc: d',
    'merge_how: "list(append)+dict(recurse_array)+str()"\na: [2]\nb: {y: 2, x: 3}\nc: z',
    'merge_type: "list(prepend)+dict(recurse_array,recurse_str)+str(append)"\na: [0]\nc: y',
  ),
  'merged lists of maps': configs(
    'a: [{b: 1}, 2, "x"]',
    'merge_how: "list(recurse_dict,recurse_str)+dict(recurse_array)+str(append)"\na: [{c: 1}, 3, "y", 4]',
  ),
  'merged without an old one': configs(
    'a: [1]',
    'merge_how: "dict(no_replace)+list(no_replace)"\na: [2]\nb: 1',
  ),
  'merged away': configs(
    'a: 1\nb: 2',
    'merge_how: "dict(replace,allow_delete)+list()+str()"\na: null\nb: 3',
  ),
  'merged in a way that is not known': configs(
    'a: 1',
    'merge_how: "set(x)"\na: 2',
    'merge_how: nonsense\nb: 2',
  ),
  'merged by a header': message(
    type('text/cloud-config', '#cloud-config\na: [1]'),
    type(
      'text/cloud-config',
      '#cloud-config\na: [2]',
      'Merge-Type: list(append)+dict(recurse_array)+str()',
    ),
    type(
      'text/cloud-config',
      '#cloud-config\na: [3]',
      'X-Merge-Type: list(append)+dict(recurse_array)+str()',
    ),
  ),
}
