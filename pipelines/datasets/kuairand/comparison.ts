/** AUC and GAUC on the test slice. */
export type Figures = readonly [auc: number, gauc: number]
export interface Compared {
  readonly model: string
  /** By task. */
  readonly tasks: Readonly<Record<string, Figures>>
}

/**
 * What other models reach on the same rows by the same protocol, mean over 5 seeds where they draw anything. Measured by
 * `python tests/quality/plain_models.py`, whose file `plain_models.json` beside it has these and more.
 */
export const comparison: Readonly<Record<'A' | 'B', readonly Compared[]>> = {
  A: [
    {
      model: 'rate of the item',
      tasks: {
        click: [0.6718, 0.6172],
        long_view: [0.6926, 0.6447],
        like: [0.8192, 0.8206],
        comment: [0.5746, 0.5625],
        profile_enter: [0.5645, 0.5409],
        forward: [0.5605, 0.5621],
        follow: [0.5298, 0.5111],
      },
    },
    {
      model: 'logistic regression',
      tasks: {
        click: [0.7655, 0.6478],
        long_view: [0.7573, 0.6682],
        like: [0.9059, 0.8417],
        comment: [0.6893, 0.5344],
        profile_enter: [0.7448, 0.5522],
        forward: [0.6178, 0.4705],
        follow: [0.8877, 0.5101],
      },
    },
    {
      model: 'LightGBM',
      tasks: {
        click: [0.7647, 0.6312],
        long_view: [0.7574, 0.6623],
        like: [0.8784, 0.7517],
        comment: [0.694, 0.5207],
        profile_enter: [0.7359, 0.5526],
        forward: [0.7447, 0.5306],
        follow: [0.8334, 0.5066],
      },
    },
    {
      model: 'XGBoost',
      tasks: {
        click: [0.7447, 0.612],
        long_view: [0.7361, 0.628],
        like: [0.8652, 0.6556],
        comment: [0.7044, 0.5018],
        profile_enter: [0.7348, 0.5479],
        forward: [0.6911, 0.5025],
        follow: [0.9059, 0.4642],
      },
    },
    {
      model: 'single-task nets',
      tasks: {
        click: [0.7601, 0.6362],
        long_view: [0.7582, 0.652],
        like: [0.8791, 0.8224],
        comment: [0.6818, 0.5584],
        profile_enter: [0.7231, 0.5484],
        forward: [0.7262, 0.542],
        follow: [0.867, 0.4708],
      },
    },
    {
      model: 'shared bottom, no trunk',
      tasks: {
        click: [0.7535, 0.6238],
        long_view: [0.7531, 0.6452],
        like: [0.8818, 0.7675],
        comment: [0.6174, 0.5349],
        profile_enter: [0.6449, 0.4947],
        forward: [0.5839, 0.4192],
        follow: [0.8625, 0.4634],
      },
    },
    {
      model: 'MMoE, no trunk',
      tasks: {
        click: [0.7545, 0.6265],
        long_view: [0.7549, 0.6493],
        like: [0.8832, 0.7715],
        comment: [0.6242, 0.5386],
        profile_enter: [0.6458, 0.4961],
        forward: [0.5789, 0.4632],
        follow: [0.8647, 0.4871],
      },
    },
    {
      model: 'PLE, no trunk',
      tasks: {
        click: [0.7563, 0.629],
        long_view: [0.757, 0.6453],
        like: [0.8796, 0.7605],
        comment: [0.6487, 0.5328],
        profile_enter: [0.6869, 0.5396],
        forward: [0.586, 0.4155],
        follow: [0.8795, 0.4586],
      },
    },
    {
      model: 'the same trunk and MMoE, in PyTorch',
      tasks: {
        click: [0.7769, 0.6507],
        long_view: [0.769, 0.6764],
        like: [0.904, 0.8171],
        comment: [0.7008, 0.5352],
        profile_enter: [0.7552, 0.5697],
        forward: [0.7045, 0.4561],
        follow: [0.9014, 0.4996],
      },
    },
  ],
  B: [
    {
      model: 'logistic regression',
      tasks: {
        click: [0.8136, 0.7054],
        long_view: [0.8013, 0.7172],
        like: [0.9917, 0.982],
        comment: [0.727, 0.5023],
        profile_enter: [0.764, 0.5631],
        forward: [0.7189, 0.5294],
        follow: [0.9218, 0.5793],
      },
    },
    {
      model: 'LightGBM',
      tasks: {
        click: [0.8228, 0.7085],
        long_view: [0.8085, 0.7249],
        like: [0.9916, 0.9839],
        comment: [0.7209, 0.5429],
        profile_enter: [0.7694, 0.5838],
        forward: [0.7482, 0.5851],
        follow: [0.8567, 0.5574],
      },
    },
    {
      model: 'XGBoost',
      tasks: {
        click: [0.8231, 0.7062],
        long_view: [0.8102, 0.7273],
        like: [0.994, 0.9857],
        comment: [0.7391, 0.4582],
        profile_enter: [0.7736, 0.573],
        forward: [0.7479, 0.4782],
        follow: [0.909, 0.4773],
      },
    },
    {
      model: 'single-task nets',
      tasks: {
        click: [0.8173, 0.7026],
        long_view: [0.8026, 0.7118],
        like: [0.99, 0.9832],
        comment: [0.7443, 0.5034],
        profile_enter: [0.7716, 0.5568],
        forward: [0.7073, 0.4379],
        follow: [0.9038, 0.5118],
      },
    },
    {
      model: 'shared bottom, no trunk',
      tasks: {
        click: [0.8129, 0.6958],
        long_view: [0.7996, 0.7057],
        like: [0.9896, 0.9824],
        comment: [0.7425, 0.4895],
        profile_enter: [0.7689, 0.5617],
        forward: [0.6808, 0.368],
        follow: [0.9076, 0.4854],
      },
    },
    {
      model: 'MMoE, no trunk',
      tasks: {
        click: [0.8104, 0.6969],
        long_view: [0.7984, 0.7074],
        like: [0.9897, 0.9832],
        comment: [0.7438, 0.4904],
        profile_enter: [0.7691, 0.5577],
        forward: [0.6653, 0.3726],
        follow: [0.9119, 0.4821],
      },
    },
    {
      model: 'PLE, no trunk',
      tasks: {
        click: [0.8128, 0.6985],
        long_view: [0.8003, 0.7061],
        like: [0.9901, 0.984],
        comment: [0.7468, 0.4923],
        profile_enter: [0.773, 0.5563],
        forward: [0.7169, 0.4665],
        follow: [0.9185, 0.4956],
      },
    },
    {
      model: 'the same trunk and MMoE, in PyTorch',
      tasks: {
        click: [0.8253, 0.7075],
        long_view: [0.8092, 0.7241],
        like: [0.9922, 0.9833],
        comment: [0.7455, 0.489],
        profile_enter: [0.7715, 0.5683],
        forward: [0.7466, 0.5491],
        follow: [0.9185, 0.5406],
      },
    },
  ],
}
