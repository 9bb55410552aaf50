//! The measurements of layers.

crate::table! {
    "One row per layer and table before the first update, at every `record.layers`, and at the \
    end; only with `record.layers`."
    "layers.csv" LayerRow {
        update: u64 ["updates"] = "Updates applied before it.",
        examples: u64 ["examples"] = "Examples trained on before it.",
        sim_s: f64 ["simulated s"] = "The virtual clock.",
        group: String = "`dense` or `sparse`.",
        layer: String = "The layer or embedding table.",
        parameters: u64 = "Numbers in it.",
        pushes: u64 ["pushes"] = "Pushes applied since the last look.",
        change: Option<f64> = "Distance of the weights from those at the last look, over their \
            norm: what has converged does not move.",
        weight_norm: Option<f64> = "Norm of all its weights.",
        weight_mean: Option<f64> = "Their mean.",
        weight_deviation: Option<f64> = "Their standard deviation.",
        weight_p05: Option<f64> = "5 % quantile of the weights (of 65,536 of them, evenly spread, \
            where there are more).",
        weight_p25: Option<f64> = "25 % quantile.",
        weight_p50: Option<f64> = "Median.",
        weight_p75: Option<f64> = "75 % quantile.",
        weight_p95: Option<f64> = "95 % quantile.",
        gradient_norm: Option<f64> = "Root mean square over the pushes of the norm of its part of \
            the gradient.",
        agreement: Option<f64> = "Norm of the sum of these gradients over the root of the sum of \
            their squared norms: about 1 for noise, the root of `pushes` if all are alike.",
        gradient_zero: Option<f64> ["share"] = "Share of the parameters whose gradients were all \
            zero: dead units; of a table among the rows touched since the last look.",
        mean_gradient_norm: Option<f64> = "Norm of the gradients averaged over the pushes, \
            parameter by parameter; of a table among the rows touched since the last look, as are \
            the next six.",
        mean_gradient_deviation: Option<f64> = "Their standard deviation.",
        mean_gradient_p05: Option<f64> = "Their 5 % quantile.",
        mean_gradient_p25: Option<f64> = "25 % quantile.",
        mean_gradient_p50: Option<f64> = "Median.",
        mean_gradient_p75: Option<f64> = "75 % quantile.",
        mean_gradient_p95: Option<f64> = "95 % quantile.",
        rows_touched: Option<f64> ["share"] = "Of tables: share of the rows that a push has \
            touched since the run began.",
        rows_idle: Option<f64> ["share"] = "Of tables: share of the rows touched before and not \
            since the last look.",
        row_norm_mean: Option<f64> = "Of tables: mean norm of the rows ever touched.",
    }
}

impl LayerRow {
    /// Quantiles of its weights, at 5, 25, 50, 75 and 95 %.
    pub fn weights(&self) -> Option<[f64; 5]> {
        Some([
            self.weight_p05?,
            self.weight_p25?,
            self.weight_p50?,
            self.weight_p75?,
            self.weight_p95?,
        ])
    }

    /// Quantiles of its mean gradients since the last look, as for the weights.
    pub fn gradients(&self) -> Option<[f64; 5]> {
        Some([
            self.mean_gradient_p05?,
            self.mean_gradient_p25?,
            self.mean_gradient_p50?,
            self.mean_gradient_p75?,
            self.mean_gradient_p95?,
        ])
    }
}
