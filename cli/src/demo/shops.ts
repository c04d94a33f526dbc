export interface Product {
  readonly name: string
  readonly category: string
  readonly price: number
}

/** A shop that does not exist. */
export interface Shop {
  readonly name: string
  readonly seed: number
  /** Visits on an ordinary day. */
  readonly visits: number
  readonly countries: Readonly<Record<string, number>>
  readonly products: readonly Product[]
  /** Days, counted from the first, on which a campaign brings more visits. */
  readonly campaigns: readonly { readonly name: string; readonly first: number; readonly last: number }[]
}

const product = (name: string, category: string, price: number): Product => ({ name, category, price })

export const shops: readonly Shop[] = [
  {
    name: 'Lumen Lighting',
    seed: 1,
    visits: 290,
    countries: { DE: 52, AT: 12, CH: 10, FR: 9, NL: 8, US: 6, GB: 3 },
    products: [
      product('Arc floor lamp', 'Floor lamps', 189),
      product('Birch tripod lamp', 'Floor lamps', 149),
      product('Moon pendant', 'Pendants', 119),
      product('Glass pendant', 'Pendants', 89.5),
      product('Linen pendant', 'Pendants', 64),
      product('Desk lamp Pico', 'Desk lamps', 49.9),
      product('Desk lamp Atelier', 'Desk lamps', 79),
      product('Wall light Slate', 'Wall lights', 59),
      product('Filament bulb', 'Bulbs', 9.9),
      product('Smart bulb', 'Bulbs', 24.9),
      product('Garden lantern', 'Outdoor', 39),
      product('String lights', 'Outdoor', 29),
    ],
    campaigns: [
      { name: 'autumn-sale', first: 32, last: 38 },
      { name: 'newsletter', first: 61, last: 62 },
      { name: 'black-week', first: 82, last: 87 },
    ],
  },
  {
    name: 'North Trail Outdoor',
    seed: 2,
    visits: 230,
    countries: { US: 58, CA: 17, GB: 13, DE: 7, AU: 5 },
    products: [
      product('Ridge tent', 'Tents', 329),
      product('Trail tarp', 'Tents', 89),
      product('Down sleeping bag', 'Sleeping', 249),
      product('Foam mat', 'Sleeping', 45),
      product('Alpine pack 45', 'Packs', 179),
      product('Day pack 18', 'Packs', 79),
      product('Gas stove', 'Kitchen', 54.5),
      product('Titanium mug', 'Kitchen', 34),
      product('Head torch', 'Lights', 39.9),
      product('Merino socks', 'Clothing', 19.5),
      product('Rain jacket', 'Clothing', 159),
    ],
    campaigns: [
      { name: 'trail-days', first: 20, last: 24 },
      { name: 'black-week', first: 83, last: 88 },
    ],
  },
]
