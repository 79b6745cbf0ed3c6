import t from 'tap'
import { ArffTable } from '../../src/decode/arff.ts'
import { mix } from '../../src/dataset/mix.ts'

const shape = { rows: 3, pixels: 4, classes: 10 }
const head = '@RELATION tiny\n\n@ATTRIBUTE p1 real\n@ATTRIBUTE p2 real\n@ATTRIBUTE p3 real\n@ATTRIBUTE p4 real\n@ATTRIBUTE class {0,1,2}\n\n@DATA\n'
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

t.test('rows are pictures and classes', async t => {
  const { images, labels } = read(head + rows)
  t.same([...images], [0, 1, 2, 255, 10, 20, 30, 40, 0, 0, 0, 0])
  t.same([...labels], [7, 0, 9])
})

const same: Array<[what: string, text: string]> = [
  ['line ends of two characters', (head + rows).replaceAll('\n', '\r\n')],
  ['no end of the last line', (head + rows).trimEnd()],
  ['comments and blank lines anywhere', `% by hand, 1,2\n${head.replace('@DATA\n', '% {a}\n@DATA\n% c?\n\n')}${rows.replaceAll('\n', '\n%, 7 \n  \n')}`],
  ['keywords in small letters, tabs, quoted names, other kinds of numbers', "@relation 'a b'\n@attribute\t'p 1'\tnumeric\n@attribute \"p 2\" INTEGER\n@Attribute p3 Real\n@attribute p4 real\n@attribute 'class' {'0','1'}\n@data\n" + rows],
  ['blanks around numbers', head + rows.replaceAll(',', ' ,\t').replaceAll('\n', '  \n')],
  ['quoted classes', head + rows.replace(/(\d)\n/g, "'$1'\n")],
  ['classes in double quotes', head + rows.replace(/(\d)\n/g, '"$1"\n')]
]
const expected = read(head + rows)
for (const [what, text] of same) {
  t.test(`${what}: the same, however it is cut into pieces`, async t => {
    for (let size = 1; size < 40; size++) {
      const { images, labels } = read(text, () => size)
      t.same([images, labels], [expected.images, expected.labels])
    }
    for (let seed = 0; seed < 20; seed++) t.same(read(text, i => mix(i ^ mix(seed)) % 9), expected)
    for (let cut = 0; cut <= text.length; cut++) t.same(read(text, i => i === 0 ? cut : Infinity).images, expected.images)
  })
}

const wrong: Array<[what: string, text: string, message: string | RegExp]> = [
  ['nothing', '', 'ARFF has no @DATA'],
  ['no data', head.replace('@DATA\n', ''), 'ARFF has no @DATA'],
  ['a page', '<!DOCTYPE html>\n<html>', "ARFF line 1 starts with '<!DOCTYPE html>', expected @RELATION, @ATTRIBUTE, @DATA or a comment"],
  ['an unknown keyword', '@NOTHING\n', "ARFF line 1 starts with '@NOTHING', expected @RELATION, @ATTRIBUTE, @DATA or a comment"],
  ['a column too few', head.replace('@ATTRIBUTE p4 real\n', ''), "ARFF line 6 has attribute 4 'class' of type '{0,1,2}', expected a number"],
  ['a column too many', head.replace('@ATTRIBUTE class', '@ATTRIBUTE p5 real\n@ATTRIBUTE class'), "ARFF line 7 has attribute 5 'p5' of type 'real', expected class"],
  ['something after the class', head.replace('\n\n@DATA', '\n@ATTRIBUTE p6 real\n\n@DATA'), 'ARFF line 8 has one more than 5 attributes'],
  ['a column of text', head.replace('p2 real', 'p2 string'), "ARFF line 4 has attribute 2 'p2' of type 'string', expected a number"],
  ['a column without a type', head.replace('p2 real', 'p2'), 'ARFF line 4 has an attribute without a type'],
  ['data too early', head.replace(/@ATTRIBUTE p[234].*\n/g, '').replace(/@ATTRIBUTE class.*\n/, ''), 'ARFF line 5 follows 1 attributes, expected 5'],
  ['a line without end', `@RELATION ${'x'.repeat(70_000)}`, 'ARFF line 1 is longer than 65536 bytes'],
  ['a row too few', head + rows.slice(0, -10), 'ARFF has 2 rows, expected 3'],
  ['a row too many', `${head}${rows}1,2,3,4,5\n`, 'ARFF line 13 is row 4, expected 3'],
  ['a number too few', head + rows.replace('0,1,', '1,'), 'ARFF line 10 has 4 columns, expected 5'],
  ['a number too many', head + rows.replace('0,1,', '0,0,1,'), 'ARFF line 10 has class 255, allowed are 0 to 9'],
  ['a column beyond the class', head + rows.replace('7\n', '7,1\n'), 'ARFF line 10 has more than 5 columns'],
  ['a level that is too high', head + rows.replace('255', '256'), 'ARFF line 10 has 256 in column 4, allowed are 0 to 255'],
  ['a number that is too long', head + rows.replace('255', '0255'), 'ARFF line 10 has a number of more than 3 digits in column 4'],
  ['a class that there is not', head + rows.replace('7\n', '10\n'), 'ARFF line 10 has class 10, allowed are 0 to 9'],
  ['a negative number', head + rows.replace('255', '-1'), "ARFF line 10 has '-' in column 4, expected a whole number"],
  ['a fraction', head + rows.replace('255', '2.5'), "ARFF line 10 has '.' in column 4, expected a whole number"],
  ['a missing value', head + rows.replace('255', '?'), "ARFF line 10 has '?' in column 4, expected a whole number"],
  ['a sparse row', head + rows.replace('0,1,2,255,7', '{3 255}'), "ARFF line 10 has '{' in column 1, expected a whole number"],
  ['nothing between commas', head + rows.replace('1,', ','), 'ARFF line 10 has no number in column 2'],
  ['two numbers in one place', head + rows.replace('255', '25 5'), 'ARFF line 10 has two numbers in column 4'],
  ['a quote that is not closed', head + rows.replace('7\n', "'7\n"), 'ARFF line 10 has no number in column 5'],
  ['quotes that do not match', head + rows.replace('7\n', "'7\"\n"), 'ARFF line 10 has a quote out of place in column 5'],
  ['a comment behind numbers', head + rows.replace('7\n', '7 % seven\n'), "ARFF line 10 has '%' in column 5, expected a whole number"]
]
for (const [what, text, message] of wrong) {
  t.test(`${what}: refused, with the line`, async t => {
    for (const size of [1, 7, Infinity]) t.throws(() => read(text, () => size), { code: 'invalid_file', message })
  })
}
