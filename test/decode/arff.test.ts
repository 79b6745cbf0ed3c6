import t from 'tap'
import { ArffTable } from '../../src/decode/arff.ts'
import { mix } from '../../src/dataset/order.ts'

const shape = { rows: 3, pixels: 4, classes: 10 }
const head = `@RELATION tiny

@ATTRIBUTE p1 real
@ATTRIBUTE p2 real
@ATTRIBUTE p3 real
@ATTRIBUTE p4 real
@ATTRIBUTE class {0,1,2}

@DATA
`
const rows = '0,1,2,255,7\n10,20,30,40,0\n0,0,0,0,9\n'

function read (text: string, sizes: (i: number) => number = () => Infinity): ArffTable {
  const bytes = Buffer.from(text, 'latin1')
  const table = new ArffTable(shape)
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes(i)
    table.push(bytes.subarray(at, at + size))
    at += size
  }
  table.end()
  return table
}

t.test('rows are images and classes', async t => {
  const { images, labels } = read(head + rows)
  t.same([...images], [0, 1, 2, 255, 10, 20, 30, 40, 0, 0, 0, 0])
  t.same([...labels], [7, 0, 9])
})

const variants: Array<[what: string, text: string]> = [
  ['CRLF line ends', (head + rows).replaceAll('\n', '\r\n')],
  ['no final line end', (head + rows).trimEnd()],
  ['comments and blank lines anywhere',
    `% by hand, 1,2\n${head.replace('@DATA\n', '% {a}\n@DATA\n% c?\n\n')}${rows.replaceAll('\n', '\n%, 7 \n  \n')}`],
  ['lower-case keywords, tabs, quoted names, other number types', `@relation 'a b'
@attribute\t'p 1'\tnumeric
@attribute "p 2" INTEGER
@Attribute p3 Real
@attribute p4 real
@attribute 'class' {'0','1'}
@data
${rows}`],
  ['blanks around numbers', head + rows.replaceAll(',', ' ,\t').replaceAll('\n', '  \n')],
  ['quoted classes', head + rows.replace(/(\d)\n/g, "'$1'\n")],
  ['classes in double quotes', head + rows.replace(/(\d)\n/g, '"$1"\n')]
]
const expected = read(head + rows)
for (const [what, text] of variants) {
  t.test(`${what}: the same result, however the file is cut into chunks`, async t => {
    for (let size = 1; size < 40; size++) {
      const { images, labels } = read(text, () => size)
      t.same([images, labels], [expected.images, expected.labels])
    }
    for (let seed = 0; seed < 20; seed++) t.same(read(text, i => mix(i ^ mix(seed)) % 9), expected)
    for (let cut = 0; cut <= text.length; cut++) {
      t.same(read(text, i => i === 0 ? cut : Infinity).images, expected.images)
    }
  })
}

const invalid: Array<[what: string, text: string, message: string | RegExp]> = [
  ['empty file', '', 'ARFF has no @DATA'],
  ['no data', head.replace('@DATA\n', ''), 'ARFF has no @DATA'],
  ['HTML page', '<!DOCTYPE html>\n<html>',
    "ARFF line 1 starts with '<!DOCTYPE html>', expected @RELATION, @ATTRIBUTE, @DATA or a comment"],
  ['unknown keyword', '@NOTHING\n',
    "ARFF line 1 starts with '@NOTHING', expected @RELATION, @ATTRIBUTE, @DATA or a comment"],
  ['missing column', head.replace('@ATTRIBUTE p4 real\n', ''),
    "ARFF line 6 has attribute 4 'class' of type '{0,1,2}', expected a number"],
  ['extra column', head.replace('@ATTRIBUTE class', '@ATTRIBUTE p5 real\n@ATTRIBUTE class'),
    "ARFF line 7 has attribute 5 'p5' of type 'real', expected class"],
  ['attribute after the class', head.replace('\n\n@DATA', '\n@ATTRIBUTE p6 real\n\n@DATA'),
    'ARFF line 8 has more than 5 attributes'],
  ['text column', head.replace('p2 real', 'p2 string'),
    "ARFF line 4 has attribute 2 'p2' of type 'string', expected a number"],
  ['column without a type', head.replace('p2 real', 'p2'), 'ARFF line 4 has an attribute without a type'],
  ['data before all attributes', head.replace(/@ATTRIBUTE p[234].*\n/g, '').replace(/@ATTRIBUTE class.*\n/, ''),
    'ARFF line 5 follows 1 attributes, expected 5'],
  ['endless line', `@RELATION ${'x'.repeat(70_000)}`, 'ARFF line 1 is longer than 65536 bytes'],
  ['missing row', head + rows.slice(0, -10), 'ARFF has 2 rows, expected 3'],
  ['extra row', `${head}${rows}1,2,3,4,5\n`, 'ARFF line 13 is row 4, expected 3'],
  ['missing number', head + rows.replace('0,1,', '1,'), 'ARFF line 10 has 4 columns, expected 5'],
  ['extra number', head + rows.replace('0,1,', '0,0,1,'), 'ARFF line 10 has class 255, allowed are 0 to 9'],
  ['number after the class', head + rows.replace('7\n', '7,1\n'), 'ARFF line 10 has more than 5 columns'],
  ['level too high', head + rows.replace('255', '256'), 'ARFF line 10 has 256 in column 4, allowed are 0 to 255'],
  ['number too long', head + rows.replace('255', '0255'),
    'ARFF line 10 has a number of more than 3 digits in column 4'],
  ['unknown class', head + rows.replace('7\n', '10\n'), 'ARFF line 10 has class 10, allowed are 0 to 9'],
  ['negative number', head + rows.replace('255', '-1'), "ARFF line 10 has '-' in column 4, expected an integer"],
  ['fraction', head + rows.replace('255', '2.5'), "ARFF line 10 has '.' in column 4, expected an integer"],
  ['missing value', head + rows.replace('255', '?'), "ARFF line 10 has '?' in column 4, expected an integer"],
  ['sparse row', head + rows.replace('0,1,2,255,7', '{3 255}'),
    "ARFF line 10 has '{' in column 1, expected an integer"],
  ['nothing between commas', head + rows.replace('1,', ','), 'ARFF line 10 has no number in column 2'],
  ['two numbers in one field', head + rows.replace('255', '25 5'), 'ARFF line 10 has two numbers in column 4'],
  ['unclosed quote', head + rows.replace('7\n', "'7\n"), 'ARFF line 10 has no number in column 5'],
  ['mismatched quotes', head + rows.replace('7\n', "'7\"\n"), 'ARFF line 10 has a misplaced quote in column 5'],
  ['comment after numbers', head + rows.replace('7\n', '7 % seven\n'),
    "ARFF line 10 has '%' in column 5, expected an integer"]
]
for (const [what, text, message] of invalid) {
  t.test(`${what}: rejected, with the line`, async t => {
    for (const size of [1, 7, Infinity]) t.throws(() => read(text, () => size), { code: 'invalid_file', message })
  })
}
