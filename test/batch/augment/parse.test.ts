import t from 'tap'
import { augmentationNames, limits } from '../../../src/batch/augment/augmentations.ts'
import { allowedAugmentations, canonicalText, parseAugmentations } from '../../../src/batch/augment/parse.ts'
import { abbreviate } from '../../../src/errors.ts'

function faultOf (text: string): string | undefined {
  return parseAugmentations(text).fault
}

t.test('strengths by name, in any order', async t => {
  t.same(parseAugmentations('rotate:15'), { augmentations: { rotate: 15 } })
  t.same(parseAugmentations('cutout:8,scale:0.125,rotate:0'), { augmentations: { rotate: 0, scale: 0.125, cutout: 8 } })
})

t.test('one text for the same augmentations', async t => {
  for (const text of ['cutout:8,scale:0.1,rotate:15.50', 'scale:0.100,rotate:15.5,cutout:8']) {
    t.equal(canonicalText(parseAugmentations(text).augmentations), 'rotate:15.5,scale:0.1,cutout:8')
  }
})

t.test('strengths up to the limit are allowed, and none beyond', async t => {
  for (const name of augmentationNames) {
    const { maximum, integer } = limits[name]
    t.equal(faultOf(`${name}:0`), undefined)
    t.equal(faultOf(`${name}:${maximum}`), undefined)
    const range = `${integer ? 'an integer' : 'a number'} from 0 to ${maximum}`
    const tooLarge = [String(maximum + 1), `${maximum}.5${'0'.repeat(6)}`, '9'.repeat(400)]
    for (const strength of [...tooLarge, '-1', '', ' 1', '1e0', '01', '.5', '0x1', 'NaN', 'Infinity']) {
      t.equal(faultOf(`${name}:${strength}`), `the strength of ${name} must be ${range}, got '${abbreviate(strength)}'`)
    }
  }
  t.match(faultOf('cutout:1.5'), /an integer/)
  t.match(faultOf('scale:0.500001'), /0 to 0\.5/)
})

t.test('malformed text is reported', async t => {
  t.equal(faultOf(''), "'' is not name:strength")
  t.equal(faultOf('noise'), "'noise' is not name:strength")
  t.equal(faultOf('noise:1:2'), "'noise:1:2' is not name:strength")
  t.equal(faultOf('noise:1,'), "'' is not name:strength")
  t.equal(faultOf('blur:1'), "there is no augmentation 'blur'")
  t.equal(faultOf('constructor:1'), "there is no augmentation 'constructor'")
  t.equal(faultOf('noise:0,noise:1'), 'noise is given twice')
  for (const name of augmentationNames) t.ok(allowedAugmentations.includes(name))
})
