// What the server says of hits and of the system, in the agency's language.

import { said, saidOf, vehicleSaid } from './words.js';

export function heardHit(v) {
  saidOf(v, ['lead', 'category', 'kind_words', 'likely', 'p', 'state_words', 'position', 'time_note', 'withdrawn_why']);
  v.vehicle = vehicleSaid(v.vehicle);
  v.car.words = vehicleSaid(v.car.words);
  for (const r of v.reasons) saidOf(r, ['list_age', 'category']);
  return v;
}

export function heardStatus(s) {
  for (const p of s.parts) saidOf(p, ['brief', 'detail']);
  s.problems = s.problems.map(said);
  saidOf(s.precision, ['words']);
  return s;
}
