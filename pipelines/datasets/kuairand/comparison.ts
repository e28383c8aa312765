/** AUC and GAUC on the test slice. */
export type Figures = readonly [auc: number, gauc: number]
export interface Compared {
  readonly model: string
  /** By task. */
  readonly tasks: Readonly<Record<string, Figures>>
}

/**
 * What other models reach on the same rows by the same protocol, mean over seeds: measured once with scikit-learn 1.9,
 * LightGBM 4.7, XGBoost 3.2 and PyTorch 2.15. `tests/quality/plain_models.py` measures the plain ones again.
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
        click: [0.7654, 0.6491],
        long_view: [0.7572, 0.6688],
        like: [0.8977, 0.8393],
        comment: [0.6866, 0.5294],
        profile_enter: [0.7448, 0.5522],
        forward: [0.6182, 0.4727],
        follow: [0.8877, 0.4928],
      },
    },
    {
      model: 'LightGBM',
      tasks: {
        click: [0.7648, 0.6322],
        long_view: [0.7574, 0.6619],
        like: [0.8785, 0.7558],
        comment: [0.6951, 0.528],
        profile_enter: [0.7359, 0.5523],
        forward: [0.7475, 0.5408],
        follow: [0.8352, 0.511],
      },
    },
    {
      model: 'XGBoost',
      tasks: {
        click: [0.7452, 0.6122],
        long_view: [0.7364, 0.6288],
        like: [0.8653, 0.6587],
        comment: [0.7015, 0.4962],
        profile_enter: [0.7342, 0.5454],
        forward: [0.6996, 0.4922],
        follow: [0.9073, 0.459],
      },
    },
    {
      model: 'single-task nets',
      tasks: {
        click: [0.7593, 0.6373],
        long_view: [0.7594, 0.653],
        like: [0.8811, 0.8229],
        comment: [0.6797, 0.5716],
        profile_enter: [0.7251, 0.5491],
        forward: [0.7177, 0.5362],
        follow: [0.8695, 0.4729],
      },
    },
    {
      model: 'shared bottom, no trunk',
      tasks: {
        click: [0.7532, 0.6238],
        long_view: [0.753, 0.6445],
        like: [0.8773, 0.7534],
        comment: [0.6194, 0.5368],
        profile_enter: [0.6418, 0.4957],
        forward: [0.5672, 0.4091],
        follow: [0.8619, 0.4461],
      },
    },
    {
      model: 'MMoE, no trunk',
      tasks: {
        click: [0.7546, 0.6263],
        long_view: [0.7557, 0.6483],
        like: [0.8838, 0.7764],
        comment: [0.6206, 0.5357],
        profile_enter: [0.6431, 0.4877],
        forward: [0.5669, 0.4622],
        follow: [0.8649, 0.4856],
      },
    },
    {
      model: 'the same trunk and MMoE, in PyTorch',
      tasks: {
        click: [0.7769, 0.6505],
        long_view: [0.7689, 0.6762],
        like: [0.9039, 0.8168],
        comment: [0.7007, 0.5334],
        profile_enter: [0.7552, 0.5691],
        forward: [0.7043, 0.4537],
        follow: [0.9013, 0.4997],
      },
    },
  ],
  B: [
    {
      model: 'logistic regression',
      tasks: {
        click: [0.8136, 0.7054],
        long_view: [0.8014, 0.7175],
        like: [0.9917, 0.9817],
        comment: [0.7272, 0.501],
        profile_enter: [0.764, 0.5642],
        forward: [0.7175, 0.5213],
        follow: [0.9214, 0.5805],
      },
    },
    {
      model: 'LightGBM',
      tasks: {
        click: [0.8228, 0.7091],
        long_view: [0.8088, 0.7253],
        like: [0.9916, 0.9831],
        comment: [0.7202, 0.5423],
        profile_enter: [0.7701, 0.5874],
        forward: [0.7427, 0.598],
        follow: [0.8547, 0.5449],
      },
    },
    {
      model: 'XGBoost',
      tasks: {
        // biome-ignore lint/suspicious/noApproximativeNumericConstant: a measured figure
        click: [0.8237, 0.707],
        long_view: [0.81, 0.7268],
        like: [0.994, 0.9859],
        comment: [0.7405, 0.4557],
        profile_enter: [0.775, 0.5779],
        forward: [0.7494, 0.4855],
        follow: [0.9092, 0.4785],
      },
    },
    {
      model: 'single-task nets',
      tasks: {
        click: [0.8166, 0.701],
        long_view: [0.8029, 0.7114],
        like: [0.9901, 0.9832],
        comment: [0.7442, 0.5005],
        profile_enter: [0.7728, 0.5589],
        forward: [0.7118, 0.4526],
        follow: [0.9048, 0.5154],
      },
    },
    {
      model: 'shared bottom, no trunk',
      tasks: {
        click: [0.8128, 0.6961],
        long_view: [0.7998, 0.7057],
        like: [0.9899, 0.982],
        comment: [0.7433, 0.4947],
        profile_enter: [0.768, 0.5621],
        forward: [0.6772, 0.3708],
        follow: [0.9056, 0.4806],
      },
    },
    {
      model: 'MMoE, no trunk',
      tasks: {
        click: [0.81, 0.6969],
        long_view: [0.7978, 0.7074],
        like: [0.9895, 0.9832],
        comment: [0.745, 0.4863],
        profile_enter: [0.7693, 0.5618],
        forward: [0.6642, 0.365],
        follow: [0.9128, 0.481],
      },
    },
    {
      model: 'the same trunk and MMoE, in PyTorch',
      tasks: {
        click: [0.8254, 0.7075],
        long_view: [0.8092, 0.7243],
        like: [0.9922, 0.9834],
        comment: [0.7454, 0.4879],
        profile_enter: [0.7716, 0.5688],
        forward: [0.7462, 0.549],
        follow: [0.9186, 0.5403],
      },
    },
  ],
}
