/**
 * The shortest decimal text that reads back as exactly this float32, in JSON's number syntax and at most 15 characters.
 * Nine significant digits always suffice (IEEE 754-2019, 5.12.2).
 */
export function shortestText (value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === value) return shorter(Number(text))
  }
  return shorter(Number(value.toPrecision(9)))
}

function shorter (value: number): string {
  const plain = String(value)
  const scientific = value.toExponential()
  return scientific.length < plain.length ? scientific : plain
}
