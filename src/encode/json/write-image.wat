;; Writes one image as text. Each pixel is a separator and a number, copied in whole slots: the excess of a slot is
;; overwritten by the next text. Most pixels have level 0, whose text depends on the position alone, so a run of them is
;; a part of the text of a blank image, which is copied 32 bytes at a time.
(module
  ;; Offsets of the tables in memory, in bytes, and properties of the images; see wasm-image-writer.ts.
  (import "tables" "memory" (memory 1))
  (import "tables" "pixels" (global $pixels i32))                     ;; pixels of an image
  (import "tables" "positionStride" (global $positionStride i32))     ;; slots from one position to the next
  (import "tables" "texts" (global $texts i32))                       ;; per value 16 bytes, the last is the length or 0
  (import "tables" "separators" (global $separators i32))             ;; 8 bytes per pixel, and after the last
  (import "tables" "separatorLengths" (global $separatorLengths i32)) ;; u8 per pixel, and after the last
  (import "tables" "blank" (global $blank i32))                       ;; the text of an image of zeros
  (import "tables" "blankOffsets" (global $blankOffsets i32))         ;; u32 per pixel, and the end: offsets in `blank`

  ;; Writes the image with these u8 levels, of which up to 16 bytes more are read, at $at.
  ;; Returns the address after the text, or 0 if a number is missing. Up to 32 bytes after the text are overwritten.
  (func (export "writeImage") (param $levels i32) (param $at i32) (param $hasBlank i32) (result i32)
    (local $pixel i32) (local $level i32) (local $text i32) (local $length i32)
    (local $next i32) (local $nonzero i32) (local $from i32) (local $to i32)
    (loop $eachPixel
      (local.set $level (i32.load8_u (i32.add (local.get $levels) (local.get $pixel))))
      (if (i32.and (i32.eqz (local.get $level)) (local.get $hasBlank))
        (then
          ;; The run ends before the next pixel that is not 0.
          (local.set $next (local.get $pixel))
          (block $found
            (loop $scan
              (local.set $nonzero (i8x16.bitmask (i8x16.ne
                (v128.load (i32.add (local.get $levels) (local.get $next)))
                (v128.const i64x2 0 0))))
              (if (local.get $nonzero) (then
                (local.set $next (i32.add (local.get $next) (i32.ctz (local.get $nonzero))))
                (br $found)))
              (local.set $next (i32.add (local.get $next) (i32.const 16)))
              (br_if $scan (i32.lt_u (local.get $next) (global.get $pixels)))))
          (if (i32.gt_u (local.get $next) (global.get $pixels)) (then (local.set $next (global.get $pixels))))
          (local.set $from
            (i32.load (i32.add (global.get $blankOffsets) (i32.shl (local.get $pixel) (i32.const 2)))))
          (local.set $to (i32.add (local.get $at) (i32.sub
            (i32.load (i32.add (global.get $blankOffsets) (i32.shl (local.get $next) (i32.const 2))))
            (local.get $from))))
          (local.set $from (i32.add (global.get $blank) (local.get $from)))
          (loop $copy
            (v128.store (local.get $at) (v128.load (local.get $from)))
            (v128.store offset=16 (local.get $at) (v128.load offset=16 (local.get $from)))
            (local.set $from (i32.add (local.get $from) (i32.const 32)))
            (local.set $at (i32.add (local.get $at) (i32.const 32)))
            (br_if $copy (i32.lt_u (local.get $at) (local.get $to))))
          (local.set $at (local.get $to))
          (local.set $pixel (local.get $next)))
        (else
          (local.set $text (i32.add (global.get $texts)
            (i32.shl
              (i32.add (i32.mul (local.get $pixel) (global.get $positionStride)) (local.get $level))
              (i32.const 4))))
          (local.set $length (i32.load8_u offset=15 (local.get $text)))
          (if (i32.eqz (local.get $length)) (then (return (i32.const 0))))
          (i64.store (local.get $at)
            (i64.load (i32.add (global.get $separators) (i32.shl (local.get $pixel) (i32.const 3)))))
          (local.set $at
            (i32.add (local.get $at) (i32.load8_u (i32.add (global.get $separatorLengths) (local.get $pixel)))))
          (v128.store (local.get $at) (v128.load (local.get $text)))
          (local.set $at (i32.add (local.get $at) (local.get $length)))
          (local.set $pixel (i32.add (local.get $pixel) (i32.const 1)))))
      (br_if $eachPixel (i32.lt_u (local.get $pixel) (global.get $pixels))))
    (i64.store (local.get $at) (i64.load (i32.add (global.get $separators) (i32.shl (local.get $pixel) (i32.const 3)))))
    (i32.add (local.get $at) (i32.load8_u (i32.add (global.get $separatorLengths) (local.get $pixel)))))
)
