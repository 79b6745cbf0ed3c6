/**
 * Constants that loops use are loaded before the loops: V8 otherwise computes the vectors anew in every iteration,
 * which takes up to a third of the time.
 */
export const HALF = memory.data<f64>([0.5])

/** 1.5·2⁵²: a float64 added to it leaves the nearest integer in the low 32 bits, in two's complement. */
export const INTEGER_BITS: f64 = 6755399441055744
export const TO_INTEGER = memory.data<f64>([INTEGER_BITS])

/** Lanes 2 and 3 as lanes 0 and 1. */
@inline
export function highHalf (value: v128): v128 {
  return i32x4.shuffle(value, value, 2, 3, 2, 3)
}
