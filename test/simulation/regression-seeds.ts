// Seeds that broke a promise once. A seed means another run whenever the scenarios or the program change, so each cause has a test of
// its own as well; these are kept because the neighbourhood of a bug is where the next one lives.

export const REGRESSION_SEEDS: readonly { readonly seed: number; readonly what: string }[] = [
  { seed: 64, what: 'a file renamed while no daemon ran ended as source_gone' },
  { seed: 103, what: 'an upload of an intent leaked' },
  { seed: 249, what: 'the mirror forgot a stream that was owed twice' },
  { seed: 1859, what: 'the intent of a gone file was not looked for' },
  { seed: 2010, what: 'a proof was kept for bytes that nobody compared' },
  { seed: 2580, what: 'a parked proof was not owed after a restart' },
  { seed: 2601, what: 'a finished file was sent again after STATE_DIR was lost and Redis rolled back' },
  { seed: 2961, what: 'an upload leaked when Redis overruled a record' },
];
