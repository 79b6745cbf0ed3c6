/** Statistics of a few repeated runs. */

/** 97.5 % quantiles of Student's distribution, by degrees of freedom from 1. */
const T_975 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]

export function mean (values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The smallest value that this share of the values does not exceed. */
export function quantile (values, share) {
  return values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]
}

/** Of a sample: NaN for a single value. */
export function standardDeviation (values) {
  const center = mean(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1))
}

/** Half the width of the 95 % confidence interval of the mean of 2 to 10 values. */
export function confidence95 (values) {
  return T_975[values.length - 2] * standardDeviation(values) / Math.sqrt(values.length)
}
