/** Names of the classes that several datasets have. */

export const digits = [...'0123456789']
export const capitals = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
export const smallLetters = [...'abcdefghijklmnopqrstuvwxyz']
/** Those that do not look like their capitals. */
export const distinctSmallLetters = [...'abdefghnqrt']
