/** Class names shared by several datasets. */

export const digits = [...'0123456789']
export const capitals = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
export const smallLetters = [...'abcdefghijklmnopqrstuvwxyz']
/** Small letters that look different from their capitals. */
export const distinctSmallLetters = [...'abdefghnqrt']
