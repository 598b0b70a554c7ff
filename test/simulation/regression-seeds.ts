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
  { seed: 323, what: 'a clock that was set back kept a stream waiting' },
  { seed: 46, what: 'an object with larger parts was not adopted' },
  { seed: 252, what: 'a stream that was rolled over lost its patience' },
  { seed: 681, what: 'a Complete was refused for ever, because our own object had gone' },
  { seed: 418, what: 'the intent at a second key of a gone file was not looked for' },
  { seed: 1345, what: 'an abort after a restart forgot what the intent had opened' },
  { seed: 910, what: 'an upload that Complete did not know was listed for ever' },
  { seed: 2202, what: 'an upload that refused its parts was listed for ever' },
  { seed: 3770, what: 'an opening was forgotten after a second failure' },
  { seed: 6825, what: 'Redis remembered a higher revision from before STATE_DIR was lost' },
  { seed: 6964, what: 'Redis remembered something else under the same revision' },
  {
    seed: 16118,
    what: 'a Complete that arrived late was not looked for again, and another upload stayed open beside its object',
  },
];
