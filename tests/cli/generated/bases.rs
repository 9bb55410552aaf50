//! Scenarios that run in a moment, from which the cases are made.

/// A starting point of cases.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

/// A generated log, and a training period on it.
macro_rules! generated {
    ($more:literal) => {
        concat!(
            "[scenario]\nname = \"f\"\n[data]\nkind = \"synthetic\"\ndays = 5\nrows_per_day = 300\n",
            "users = 40\nitems = 30\ncategories = 4\nbrands = 5\n",
            "[train]\ndays = \"1..3\"\nbatch = 16\nstop = { updates = 20 }\n",
            "[holdout]\ndays = \"4\"\nevery = { times = 3 }\n",
            "[limits]\nmemory = \"1GiB\"\ndisk = \"64MiB\"\n",
            $more
        )
    };
}

/// The network and the cluster of most bases.
macro_rules! plain {
    ($more:literal) => {
        concat!(
            "[model]\nkind = \"mlp\"\nembedding_dim = 4\nhidden = [8]\n",
            "[cluster]\nworkers = 4\nshards = 2\n",
            $more
        )
    };
}

/// A log from files, whose loader has days or sets examples aside by itself.
macro_rules! files {
    ($data:literal) => {
        concat!(
            "[scenario]\nname = \"f\"\n[train]\nbatch = 8\nstop = { updates = 10 }\n",
            "[limits]\nmemory = \"1GiB\"\ndisk = \"64MiB\"\n",
            plain!(""),
            "[data]\n",
            $data
        )
    };
}

pub(super) const BASES: &[Base] = &[
    Base { name: "plain", text: concat!(generated!(""), plain!("")) },
    Base {
        name: "din",
        text: concat!(
            generated!("[model]\nkind = \"din\"\nembedding_dim = 4\nhidden = [8]\n"),
            "[cluster]\nworkers = 3\n[optimizer]\nkind = \"adagrad_decay\"\n"
        ),
    },
    Base {
        name: "shards apart",
        text: concat!(
            generated!(""),
            plain!("dense_shards = 1\n"),
            "[protocol]\nkind = \"synchronous\"\n[sparse_protocol]\nkind = \"asynchronous\"\n"
        ),
    },
    Base {
        name: "live",
        text: concat!(
            generated!(
                "[online]\narrivals.kind = \"replay\"\njoin = { window = \"1h\", late = \"correct\" }\n\
                 actions.delay.mean = \"30min\"\n\
                 [serving]\nevery = \"6h\"\nbeside = [\"oracle\", \"batch\"]\n\
                 rows.every = \"1h\"\ndense.every = \"12h\"\n"
            ),
            plain!("")
        ),
    },
    Base {
        name: "timing",
        text: "[scenario]\nname = \"f\"\n[train]\nbatch = 16\nstop = { updates = 20 }\n\
               [cluster]\nworkers = 4\nshards = 2\n\
               [timing_only]\nrows = 50\nrow_dim = 4\ndense = 100\n",
    },
    Base {
        name: "imposed",
        text: concat!(
            generated!(""),
            plain!("[imposed_staleness]\nkind = \"uniform\"\nlargest = 5\n")
        ),
    },
    Base {
        name: "stages",
        text: concat!(
            generated!(""),
            plain!("[[stage]]\nname = \"a\"\nset = { train = { days = \"1..2\" } }\n"),
            "[[stage]]\nname = \"b\"\nset = { start = { from = \"stage:a@best\" } }\n"
        ),
    },
    Base {
        name: "daily",
        text: concat!(
            generated!(""),
            plain!("[daily]\nfirst = 2\ndays = 2\nwindow = 2\nahead = 1\n")
        ),
    },
    Base {
        name: "lab",
        text: concat!(
            generated!(""),
            plain!(
                "[lab]\nfork = { updates = 5 }\nupdates = 6\nearly = 3\npoints = 2\nseeds = 1\n"
            ),
            "factors = [\"workers\", \"slots\"]\n"
        ),
    },
    Base {
        name: "churn",
        text: concat!(
            generated!(""),
            plain!("event = [{ worker = 1, at = \"20ms\", sleep = \"10ms\" }]\n"),
            "failures = { mean_time_between = \"200ms\", repair = \"20ms\" }\n"
        ),
    },
    Base {
        name: "checkpoints",
        text: concat!(
            generated!("[checkpoint]\nbest = true\nlast = true\nevery = { updates = 8 }\n"),
            plain!("[start]\nfrom = \"checkpoint.safetensors\"\n")
        ),
    },
    Base { name: "criteo", text: files!("kind = \"criteo\"\nfiles = [\"criteo.txt\"]\n") },
    Base { name: "avazu", text: files!("kind = \"avazu\"\nfiles = [\"avazu.csv\"]\n") },
    Base {
        name: "amazon",
        text: concat!(
            files!("kind = \"amazon\"\nreviews = [\"reviews.json\"]\nmetadata = \"meta.json\"\n"),
            "[holdout]\nevery = { times = 3 }\n"
        ),
    },
    Base {
        name: "movielens",
        text: concat!(
            files!("kind = \"movielens\"\nratings = \"u.data\"\n"),
            "[holdout]\nevery = { times = 3 }\n"
        ),
    },
    Base {
        name: "interactions",
        text: concat!(
            files!("kind = \"interactions\"\nfiles = [\"log.csv\"]\ncategory = \"category\"\n"),
            "[holdout]\nevery = { times = 3 }\n"
        ),
    },
    Base {
        name: "table",
        text: files!(
            "kind = \"table\"\nfiles = [\"log.csv\"]\ncategorical = [\"user\", \"item\"]\nnumeric = [\"price\"]\n"
        ),
    },
    Base { name: "libsvm", text: files!("kind = \"libsvm\"\nfiles = [\"log.svm\"]\n") },
    Base { name: "libffm", text: files!("kind = \"libffm\"\nfiles = [\"log.ffm\"]\n") },
];

/// The scenario that writes the checkpoint from which others start.
pub(super) const CHECKPOINT: &str = concat!(generated!("[checkpoint]\nlast = true\n"), plain!(""));
