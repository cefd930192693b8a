/** Colours of components, distinguishable also with colour-blindness (Okabe & Ito 2008) and visible on a dark sky. */

const COLOURS = ["#56b4e9", "#f0a020", "#2fc08c", "#ee7fb6", "#f0e442", "#e8663c"];

export const colourOf = (index: number): string => COLOURS[index % COLOURS.length] as string;
